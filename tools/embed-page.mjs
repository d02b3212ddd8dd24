// Builds the web page and makes of it one C table and one blob to link into the daemon.
//
// node embed-page.mjs WEB_DIRECTORY STAGE_DIRECTORY TABLE.c BLOB DEPFILE
//
// Each file is there as it is, and where that makes it smaller also compressed by gzip and by
// brotli, so that serving compresses nothing. The table holds the blob's digest: with it the object
// changes whenever a byte of the blob does.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { extname, join, relative, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [web, stage, table, blob, depfile] = process.argv.slice(2);

const types = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

// The lock file decides what is installed; npm notes in node_modules what it has installed.
function installPackages() {
  const noted = join(web, "node_modules/.package-lock.json");
  if (existsSync(noted) && statSync(noted).mtimeMs >= statSync(join(web, "package-lock.json")).mtimeMs) return;
  execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"], { cwd: web, stdio: "inherit" });
}

function filesBelow(directory) {
  return readdirSync(directory, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
}

// Directories, too: their time changes when a file is added or removed.
function sourcesBelow(directory) {
  const entries = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.name !== "node_modules");
  return [directory, ...entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? sourcesBelow(path) : [path];
  })];
}

const brotliOptions = (size) => ({
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: size },
});

const chunks = [];
let position = 0;

function append(bytes) {
  const slice = `{${position}, ${bytes.length}}`;
  chunks.push(bytes);
  position += bytes.length;
  return slice;
}

function appendIfSmaller(bytes, compressed) {
  return compressed.length < bytes.length ? append(compressed) : "{0, 0}";
}

function row(path) {
  const bytes = readFileSync(path);
  const name = "/" + relative(stage, path);
  const type = types[extname(path)];
  if (!type) throw new Error(`embed-page: '${name}' has an extension without a media type; add it to 'types'`);
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 20);
  const slices = [
    append(bytes),
    appendIfSmaller(bytes, gzipSync(bytes, { level: 9 })),
    appendIfSmaller(bytes, brotliCompressSync(bytes, brotliOptions(bytes.length))),
  ];
  return `    {"${name}", "${type}", "${digest}", {${slices.join(", ")}}},\n`;
}

const cText = (rows, digest) => `/* Made by tools/embed-page.mjs. Blob ${digest}. */
#include "http/page_files.h"

__asm__(".section .rodata\\n"
        ".balign 16\\n"
        ".global page_blob\\n"
        "page_blob:\\n"
        ".incbin \\"${resolve(blob)}\\"\\n"
        ".byte 0\\n"
        ".previous\\n");

const PageFile page_files[] = {
${rows}};
const gsize page_file_count = G_N_ELEMENTS(page_files);
`;

installPackages();
execFileSync(process.execPath, [join(web, "build.mjs"), resolve(stage)], { stdio: "inherit" });
const rows = filesBelow(stage).map(row).join("");
const bytes = Buffer.concat(chunks);
writeFileSync(blob, bytes);
writeFileSync(table, cText(rows, createHash("sha256").update(bytes).digest("hex")));
const escaped = sourcesBelow(resolve(web)).map((path) => path.replaceAll(" ", "\\ ")).join(" \\\n  ");
writeFileSync(depfile, `${table}: ${escaped}\n`);
