// Builds the portal's static files into .build/static/portal: only what a page really asks for; and the fonts of quotes
// and invoices into .build/fonts.
// Usage: npm run build (once) or npm run watch (styles and scripts rebuilt on change).
import { spawn } from "node:child_process";
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const output = path.join(root, ".build", "static", "portal");
const packages = createRequire(import.meta.url);
const documentFonts = path.join(root, ".build", "fonts");
const watching = process.argv.includes("--watch");

const FONT_FOLDER = "@fontsource-variable/inter/files";
const FONTS = ["inter-latin-wght-normal.woff2", "inter-latin-ext-wght-normal.woff2"];
// The same typefaces as whole TrueType files: typst reads no web fonts.
const DOCUMENT_FONTS = [
  "@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf",
  "@expo-google-fonts/inter/700Bold/Inter_700Bold.ttf",
  "@expo-google-fonts/noto-sans-arabic/400Regular/NotoSansArabic_400Regular.ttf",
  "@expo-google-fonts/noto-sans-arabic/700Bold/NotoSansArabic_700Bold.ttf",
];

// Names in templates: <c-icon name="house" />, or icon="house" on any component. What is chosen in Python or by an
// expression is listed in icons.json.
const ICON_IN_TEMPLATE = /<c-icon\b[^>]*?\sname="([a-z0-9-]+)"|<c-[^>]*?\s(?:[a-z]+-)?icon="([a-z0-9-]+)"/gs;

async function templateFiles() {
  const entries = await readdir(root, { withFileTypes: true });
  const files = [];
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith(".") || entry.name === "node_modules") continue;
    const folder = path.join(root, entry.name, entry.name === "templates" ? "" : "templates");
    const found = await readdir(folder, { recursive: true }).catch(() => []);
    files.push(...found.filter((name) => name.endsWith(".html")).map((name) => path.join(folder, name)));
  }
  return files.sort();
}

async function iconNames() {
  const names = new Map(JSON.parse(await readFile(path.join(root, "assets", "icons.json"))).map((n) => [n, "icons.json"]));
  for (const file of await templateFiles()) {
    for (const match of (await readFile(file, "utf8")).matchAll(ICON_IN_TEMPLATE)) {
      names.set(match[1] ?? match[2], path.relative(root, file));
    }
  }
  return [...names].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function buildSprite() {
  const symbols = [];
  for (const [name, usedIn] of await iconNames()) {
    const svg = await readFile(packages.resolve(`lucide-static/icons/${name}.svg`), "utf8").catch(() => {
      throw new Error(`${usedIn} uses the icon "${name}", which lucide-static does not have.`);
    });
    const shapes = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
    symbols.push(`<symbol id="${name}" viewBox="0 0 24 24">${shapes.replace(/\s+/g, " ").replace(/> </g, "><").trim()}</symbol>`);
  }
  const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`;
  await writeFile(path.join(output, "icons.svg"), sprite);
}

async function copyFiles() {
  await copyFile(path.join(root, "assets", "favicon.svg"), path.join(output, "favicon.svg"));
  await copyFile(path.join(root, "assets", "admin.css"), path.join(output, "admin.css"));
  // Served at /favicon.ico, see WHITENOISE_ROOT.
  await mkdir(path.join(root, ".build", "root"), { recursive: true });
  await copyFile(path.join(root, "assets", "favicon.svg"), path.join(root, ".build", "root", "favicon.ico"));
  await mkdir(path.join(output, "fonts"), { recursive: true });
  for (const font of FONTS) {
    await copyFile(packages.resolve(`${FONT_FOLDER}/${font}`), path.join(output, "fonts", font));
  }
  for (const font of DOCUMENT_FONTS) {
    await copyFile(packages.resolve(font), path.join(documentFonts, path.basename(font)));
  }
}

async function buildScripts() {
  const options = {
    absWorkingDir: root,
    entryPoints: ["assets/js/portal.js", "assets/js/charts.js", "assets/js/pay.js", "assets/js/admin.js"],
    outdir: output,
    bundle: true,
    minify: true,
    format: "iife",
    target: ["es2022"],
    legalComments: "eof",
    logLevel: "warning",
  };
  if (watching) {
    await (await esbuild.context(options)).watch();
  } else {
    await esbuild.build(options);
  }
}

function buildStyles() {
  const tailwind = path.join(path.dirname(packages.resolve("@tailwindcss/cli/package.json")), "dist", "index.mjs");
  const args = [tailwind, "--input", "assets/portal.css", "--output", path.join(output, "portal.css"), "--minify"];
  if (watching) args.push("--watch=always");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "pipe"] });
    const messages = [];
    child.stderr.on("data", (data) => (watching ? process.stderr.write(data) : messages.push(data)));
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(Buffer.concat(messages).toString()))));
  });
}

// A source map that is named but not served makes Django's manifest storage refuse the file.
async function forgetSourceMaps() {
  for (const name of await readdir(output)) {
    if (!/\.(css|js)$/.test(name)) continue;
    const file = path.join(output, name);
    const text = await readFile(file, "utf8");
    const stripped = text.replace(/\/\*[#@] sourceMappingURL=[^*]*\*\/|\/\/[#@] sourceMappingURL=\S*/g, "");
    if (stripped !== text) await writeFile(file, stripped);
  }
}

async function printSizes() {
  for (const name of (await readdir(output)).sort()) {
    if (!/\.(css|js|svg)$/.test(name)) continue;
    const content = await readFile(path.join(output, name));
    const kilobytes = (bytes) => (bytes / 1024).toFixed(1).padStart(7);
    console.log(`${name.padEnd(12)} ${kilobytes(content.length)} KB ${kilobytes(gzipSync(content).length)} KB gzip`);
  }
}

try {
  for (const folder of [output, documentFonts]) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  }
  await Promise.all([buildSprite(), copyFiles(), buildScripts(), buildStyles()]);
  await forgetSourceMaps();
  await printSizes();
} catch (error) {
  console.error(`The static files could not be built: ${error.message}`);
  process.exit(1);
}
