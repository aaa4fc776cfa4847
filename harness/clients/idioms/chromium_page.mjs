/**
 * Runs an idiom in a page of headless Chromium: no client itself, but what the clients in Chromium share.
 *
 * Source: written for this project.
 */

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import chromium from "@sparticuz/chromium";
import puppeteer from "puppeteer-core";

const FLAGS = [
  "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--no-first-run", "--no-zygote", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

const HOME = path.join(process.env.HARNESS_CLIENT_ENV, "browser");
if (!fs.existsSync(HOME)) await unpack(); // as it is imported: where this fails, the environment is to blame, not an answer

let launched = null;

async function launch() {
  process.env.TMPDIR = HOME; // where the browser is looked for, and keeps its profile
  const executablePath = await chromium.executablePath();
  return puppeteer.launch({ executablePath, args: FLAGS, headless: "shell", pipe: true }); // it ends with the pipe
}

/** Unpack the browser; its files are ours, as the owners that the archive names are not there in the namespace of a client. */
async function unpack() {
  const { getuid } = process;
  const folder = fs.mkdtempSync(`${HOME}-`);
  process.env.TMPDIR = folder;
  process.getuid = () => -1; // tar-fs gives files to their owners where it runs as root
  try {
    await chromium.executablePath();
    fs.renameSync(folder, HOME);
  } catch (error) {
    if (!fs.existsSync(HOME)) throw error; // another host was faster
  } finally {
    process.getuid = getuid;
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Run `idiom`, which stands in the file at `url`, in a page of the server's own origin; `out` there is `out` here. */
export async function inPage(idiom, url, question, out) {
  const { OPENAI_BASE_URL: base, OPENAI_API_KEY: key } = process.env;
  const page = await (await (launched ??= launch())).newPage();
  try {
    await page.goto(new URL("/", base).href, { waitUntil: "domcontentloaded", timeout: 8000 });
    await page.evaluate(() => {
      const shown = { text: "", reasoning: "" };
      const shower = (key) => (...texts) => (shown[key] += texts.map(String).join(""));
      window.out = { shown, print: shower("text"), think: shower("reasoning"), finish: null, usage: null };
    });
    const script = scriptOf(idiom, fileURLToPath(url), [`${base}/chat/completions`, key, question]);
    const { shown, finish, usage, failure } = await page.evaluate(script);
    out.print(shown.text);
    out.think(shown.reasoning);
    Object.assign(out, { finish, usage });
    if (failure) throw Object.assign(new Error(), failure);
  } finally {
    await page.close();
  }
}

/** Return `idiom` called with `given`, as a script that stands where it does in its file, so that errors tell its lines. */
function scriptOf(idiom, file, given) {
  const [before] = fs.readFileSync(file, "utf8").split(String(idiom));
  const called = `(${idiom})(${given.map((value) => JSON.stringify(value)).join(", ")})`;
  const caught = `(error) => { out.failure = { name: error.name, message: error.message, stack: error.stack }; }`;
  return `${before.replace(/[^\n]/g, "")}${called}.catch(${caught}).then(() => out)\n//# sourceURL=${file}`;
}

export async function close() {
  await (await launched)?.close();
}
