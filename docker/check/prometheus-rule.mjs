// Prints the PrometheusRule of docker/k8s/monitoring from the rules that promtool checks:
//   node docker/check/prometheus-rule.mjs > docker/k8s/monitoring/prometheus-rule.yaml
import {readFileSync} from "node:fs";

const rules = readFileSync(new URL("../monitoring/icingest.rules.yaml", import.meta.url), "utf8");
const groups = rules.slice(rules.indexOf("\ngroups:") + 1);
process.stdout.write(`# Generated from docker/monitoring/icingest.rules.yaml by docker/check/prometheus-rule.mjs; scripts/check-deploy compares.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: icingest
spec:
${groups.replace(/^(?=.)/gm, "  ")}`);
