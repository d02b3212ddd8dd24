// Runs the page's unit tests in node's test runner, which knows no TypeScript: esbuild, the page's own tool, bundles
// them first. Exits with 77 where web/node_modules is missing.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const web = join(here, "../../../web");

if (!existsSync(join(web, "node_modules"))) {
  console.log("skipped: web/node_modules is missing; 'npm ci' in web/ installs it");
  process.exit(77);
}
const { build } = createRequire(join(web, "package.json"))("esbuild");
const output = await mkdtemp(join(tmpdir(), "underpin-page-"));
await build({
  absWorkingDir: here,
  entryPoints: (await readdir(here)).filter((name) => name.endsWith(".test.ts")),
  outdir: output,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  format: "esm",
  platform: "node",
  jsx: "automatic",
  jsxImportSource: "preact",
  loader: { ".css": "empty" },
  logLevel: "warning",
});
const run = spawnSync(process.execPath, ["--test", output], { stdio: "inherit" });
await rm(output, { recursive: true });
process.exit(run.status ?? 1);
