// Bundles the page: node build.mjs OUTDIR
//
// OUTDIR gets index.html and assets/NAME-HASH.EXTENSION, ready to be served; it is emptied first. A file's name changes
// with its content, so that browsers may keep it for ever.
import { build } from "esbuild";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

async function bundle(outdir) {
  const result = await build({
    absWorkingDir: here,
    entryPoints: { page: "src/main.tsx", icon: "src/icon.svg" },
    outdir,
    entryNames: "assets/[name]-[hash]",
    assetNames: "assets/[name]-[hash]",
    chunkNames: "assets/[name]-[hash]",
    loader: { ".svg": "copy" },
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const url = (path) => "/" + relative(outdir, join(here, path));
  const outputs = Object.entries(result.metafile.outputs);
  const [script, { cssBundle }] = outputs.find(([, output]) => output.entryPoint === "src/main.tsx");
  const [icon] = outputs.find(([path]) => path.endsWith(".svg"));
  return { SCRIPT: url(script), STYLE: url(cssBundle), ICON: url(icon) };
}

if (!process.argv[2]) {
  console.error("usage: node build.mjs OUTDIR");
  process.exit(2);
}
const outdir = resolve(process.argv[2]);
await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
const urls = await bundle(outdir);
const page = await readFile(join(here, "src/index.html"), "utf8");
await writeFile(join(outdir, "index.html"), page.replace(/%([A-Z]+)%/g, (_, name) => urls[name]));
