// Writes every query of the Grafana dashboard as a recording rule, so that promtool reads it, and complains of panels that
// show nothing:
//   node docker/check/dashboard.mjs > dashboard.rules.yaml
import {readFileSync} from "node:fs";

const dashboard = JSON.parse(readFileSync(new URL("../monitoring/grafana-dashboard.json", import.meta.url), "utf8"));
const queries = dashboard.annotations.list.map((annotation) => annotation.expr);
const ids = new Set();
for (const panel of dashboard.panels) {
  if (ids.has(panel.id)) throw new Error(`panel ${panel.id} twice`);
  ids.add(panel.id);
  if (panel.type === "row") continue;
  if (!panel.targets?.length) throw new Error(`panel ${panel.title} asks nothing`);
  for (const target of panel.targets) queries.push(target.expr);
}
const {x: right, w} = dashboard.panels.reduce((most, {gridPos}) => (gridPos.x + gridPos.w > most.x + most.w ? gridPos : most), {x: 0, w: 0});
if (right + w > 24) throw new Error("a panel reaches beyond the right edge");
console.log("groups:\n  - name: dashboard\n    rules:");
queries.forEach((query, index) => {
  console.log(`      - record: panel:query${index}\n        expr: ${JSON.stringify(query.replaceAll("$namespace", "x"))}`);
});
