// Reads rendered manifests and says what is wrong with them:
//
//   CHECK_MODULES=DIRECTORY-OF-NODE_MODULES node manifests.mjs HELP-DIRECTORY FILE…
//
// 1. Every object against the schema of its kind: Kubernetes' own, and the Prometheus operator's.
// 2. What this repository promises of them (docs/deployment.md): restricted pods, no emptyDir under a database, secrets by
//    reference, exit codes as they are mapped, arguments that the binary knows.
//
// The help directory holds what `icingest COMMAND --help` prints, one file per command. Prints `ok` and `FAILED` lines; ends with
// 1 when anything failed.
import {createRequire} from "node:module";
import {existsSync, readFileSync} from "node:fs";
import {join} from "node:path";

const modules = createRequire(join(process.env.CHECK_MODULES, "package.json"));
const YAML = modules("yaml");
const [helpDirectory, ...files] = process.argv.slice(2);
let failures = 0;
const skipped = new Set();

function check(where, what, problems) {
  if (problems.length === 0) return;
  failures += problems.length;
  for (const problem of problems) console.log(`FAILED  ${where}: ${what}: ${problem}`);
}

// The class that validates objects of a kind; packages are laid out as GROUP/VERSION/KIND.
function modelOf({apiVersion, kind}) {
  const candidates = ["kubernetes-models", "@kubernetes-models/prometheus-operator"].map(
    (name) => `${name}/${apiVersion}/${kind}`);
  for (const candidate of candidates) {
    try {
      const found = modules(candidate);
      return found[kind];
    } catch (error) {
      const elsewhere = error.code === "ERR_PACKAGE_PATH_NOT_EXPORTED" ||
        (error.code === "MODULE_NOT_FOUND" && error.message.includes(`'${candidate}'`));
      if (!elsewhere) throw error;
    }
  }
  return undefined;
}

// A view of a value that notes which of its fields are looked at. The validators are compiled: they look at every field that
// their schema names, and at no other, so what nobody looked at is a field that does not exist, a misspelt one for instance.
function watched(value, path, seen) {
  if (value === null || typeof value !== "object") return value;
  return new Proxy(value, {
    get(target, key) {
      if (typeof key === "string" && Object.hasOwn(target, key)) seen.add(`${path}/${key}`);
      return watched(target[key], `${path}/${key}`, seen);
    },
  });
}

function unknownFields(value, path, seen) {
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    seen.has(`${path}/${key}`) ? unknownFields(inner, `${path}/${key}`, seen) : [`${path}/${key} is no field`]);
}

function againstSchema(object) {
  const Model = modelOf(object);
  if (!Model) return [`no schema for ${object.apiVersion} ${object.kind}`];
  const seen = new Set();
  try {
    Model.prototype.validate.call(watched(new Model(object), "", seen));
  } catch (error) {
    return [error.message];
  }
  return unknownFields(object, "", seen);
}

const podTemplateOf = (object) =>
  object.kind === "CronJob" ? object.spec.jobTemplate.spec.template : object.spec?.template;

// Pod Security, profile "restricted", and a read-only root on top.
function restricted(pod) {
  const bad = [];
  const context = pod.securityContext ?? {};
  if (context.runAsNonRoot !== true) bad.push("runAsNonRoot is not true");
  if (!(context.runAsUser > 0)) bad.push("no user, or root");
  if (context.seccompProfile?.type !== "RuntimeDefault") bad.push("no seccomp profile RuntimeDefault");
  if (pod.hostNetwork || pod.hostPID || pod.hostIPC) bad.push("shares a namespace with its node");
  for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
    const own = container.securityContext ?? {};
    const say = (text) => bad.push(`container ${container.name}: ${text}`);
    if (own.allowPrivilegeEscalation !== false) say("may escalate privileges");
    if (own.readOnlyRootFilesystem !== true) say("root file system is writable");
    if (!own.capabilities?.drop?.includes("ALL")) say("keeps capabilities");
    if (!container.resources?.limits?.memory || !container.resources?.requests?.memory) say("no memory request or limit");
    if (container.envFrom) say("envFrom: wire each variable by hand");
    for (const variable of container.env ?? []) {
      const secret = /PASSWORD|KEY|SECRET|TOKEN/.test(variable.name);
      if (secret && !variable.valueFrom?.secretKeyRef) say(`${variable.name} is no reference to a Secret`);
      if (variable.value !== undefined && typeof variable.value !== "string") say(`${variable.name} is no text`);
    }
  }
  for (const volume of pod.volumes ?? []) {
    if (volume.hostPath) bad.push(`volume ${volume.name} is a hostPath`);
  }
  return bad;
}

// The incident: a database on an emptyDir.
function databaseLasts(pod) {
  const bad = [];
  for (const container of pod.containers) {
    const directory = (container.env ?? []).find((variable) => variable.name === "PGDATA")?.value;
    if (!directory) continue;
    const mounts = (container.volumeMounts ?? []).filter((mount) => directory.startsWith(mount.mountPath + "/"));
    const volume = (pod.volumes ?? []).find((one) => one.name === mounts[0]?.name);
    if (!volume?.persistentVolumeClaim) bad.push(`${directory} is not on a claim`);
  }
  return bad;
}

// docs/operations.md: what each code asks of Kubernetes.
function exitCodes(object) {
  const job = object.kind === "CronJob" ? object.spec.jobTemplate.spec : object.spec;
  const bad = [];
  const rules = job.podFailurePolicy?.rules ?? [];
  const actionOf = (code) =>
    rules.find((rule) => rule.onExitCodes && rule.onExitCodes.operator === "In" && rule.onExitCodes.values.includes(code))?.action;
  for (const code of [1, 2, 5]) {
    if (actionOf(code) !== "FailJob") bad.push(`code ${code} does not end the Job`);
  }
  for (const code of [4, 143]) {
    if (actionOf(code) !== undefined) bad.push(`code ${code} is not simply tried again`);
  }
  if (rules[0]?.action !== "Ignore" || rules[0]?.onPodConditions?.[0]?.type !== "DisruptionTarget")
    bad.push("a drain counts as a failure");
  if (job.template.spec.restartPolicy !== "Never") bad.push("restartPolicy is not Never, so codes are not looked at");
  if (job.completionMode === "Indexed") {
    if (!(job.backoffLimitPerIndex > 0)) bad.push("no backoffLimitPerIndex");
    if (actionOf(3) !== "FailIndex") bad.push("code 3 is tried again");
  } else if (!(job.backoffLimit > 0)) {
    bad.push("code 4 is not tried again");
  }
  if (!(job.activeDeadlineSeconds > 0)) bad.push("no deadline");
  if (job.template.spec.terminationGracePeriodSeconds < 10) bad.push("less time to stop than a run needs");
  if (object.kind === "CronJob") {
    if (object.spec.concurrencyPolicy !== "Forbid") bad.push("runs may overlap");
    if (!(object.spec.startingDeadlineSeconds > 0)) bad.push("no startingDeadlineSeconds");
    if (!(object.spec.failedJobsHistoryLimit >= 2)) bad.push("too short a history to see two failures");
  }
  return bad;
}

// Options of containers that run the binary, against its own --help.
function knownArguments(pod) {
  const bad = [];
  for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
    if (!/(^|\/)icingest(:|@|$)/.test(container.image)) continue;
    const command = container.args?.[0];
    const file = join(helpDirectory, `${command}.txt`);
    if (!existsSync(file)) {
      skipped.add(`icingest ${command}: this build has no such command, its arguments were not checked`);
      continue;
    }
    const help = readFileSync(file, "utf8");
    for (const argument of container.args.slice(1)) {
      if (!argument.startsWith("--")) continue;
      const known = new RegExp(`(^|[\\s,])${argument}([\\s,=]|$)`, "m").test(help);
      if (!known) bad.push(`container ${container.name}: icingest ${command} has no ${argument}`);
    }
  }
  return bad;
}

function references(objects) {
  const bad = [];
  const has = (kind, name) => objects.some((object) => object.kind === kind && object.metadata.name === name);
  for (const object of objects) {
    const pod = podTemplateOf(object)?.spec;
    for (const volume of pod?.volumes ?? []) {
      const claim = volume.persistentVolumeClaim?.claimName;
      if (claim && !has("PersistentVolumeClaim", claim)) bad.push(`${object.metadata.name} mounts claim ${claim}, which is not there`);
    }
  }
  const keys = objects.map((object) => `${object.kind} ${object.metadata.namespace ?? ""} ${object.metadata.name}`);
  for (const key of keys.filter((one, index) => keys.indexOf(one) !== index)) bad.push(`${key} twice`);
  return bad;
}

for (const file of files) {
  const before = failures;
  const objects = YAML.parseAllDocuments(readFileSync(file, "utf8")).map((document) => {
    if (document.errors.length) check(file, "YAML", document.errors.map(String));
    return document.toJS();
  }).filter(Boolean);
  if (objects.length === 0) check(file, "objects", ["none"]);
  for (const object of objects) {
    const where = `${file} ${object.kind} ${object.metadata?.name}`;
    check(where, "schema", againstSchema(object));
    const pod = podTemplateOf(object)?.spec;
    if (pod?.containers) {
      check(where, "restricted", restricted(pod));
      check(where, "database", databaseLasts(pod));
      check(where, "arguments", knownArguments(pod));
    }
    if (object.kind === "Job" || object.kind === "CronJob") check(where, "exit codes", exitCodes(object));
    if (object.kind === "StorageClass" && object.provisioner === "ebs.csi.aws.com") {
      check(where, "storage", [
        ...(object.parameters?.encrypted === "true" ? [] : ["is not encrypted"]),
        ...(object.reclaimPolicy === "Retain" ? [] : ["deletes the data with the claim"]),
      ]);
    }
  }
  check(file, "references", references(objects));
  if (failures === before) console.log(`ok      ${file}: ${objects.length} objects`);
}
for (const line of skipped) console.log(`SKIPPED ${line}`);
process.exit(failures > 0 ? 1 : 0);
