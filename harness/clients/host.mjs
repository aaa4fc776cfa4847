/**
 * Runs JavaScript client code in its own environment: a question a line comes in, what the code made of the answer goes
 * out.  It speaks as host.py does, and uses Node's own modules alone.
 *
 * It is given the numbers of two descriptors.  A line in is `{"id": ..., "file": path, "entry": name, "question": {...}}`; `entry` of that file is called with the question and
 * an `Out`, which holds what the code's user gets.  A line out is what `Out` holds, and how the code ended; or `{"env":
 * why}` where the file cannot be imported.  With the entry null the file is imported and no more.  A file may export
 * `close`, which is called at the end.
 *
 * HARNESS_CLIENT_ENV is the folder whose node_modules the files import from.  No client that asks by Node's
 * own modules reaches anything but loopback; what holds for all is up to sandbox.py.  What it prints goes nowhere.
 */

import dgram from "node:dgram";
import dns from "node:dns";
import fs from "node:fs";
import module from "node:module";
import net from "node:net";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";

const LONGEST = 1_000_000; // characters of a text that are handed on; more is only counted
const GRACE_MS = 50; // how long code has to end by itself after an error that nothing caught

/**
 * What the user of some client code gets.
 *
 * `print` is for text that is shown, `think` for reasoning that is; `finish` is why the answer ended, `usage` the total
 * of tokens, `tools` the calls as pairs of name and arguments.
 */
class Out {
  #text = [];
  #reasoning = [];
  finish = null;
  usage = null;
  tools = null;

  /** Show texts as a page does: null and undefined become words. */
  print(...texts) {
    this.#text.push(...texts.map(String));
  }

  /** Show reasoning, as `print` does. */
  think(...texts) {
    this.#reasoning.push(...texts.map(String));
  }

  /** Return all of it. */
  output() {
    const [text, reasoning] = [this.#text.join(""), this.#reasoning.join("")];
    const { finish, usage, tools } = this;
    return {
      text: text.slice(0, LONGEST), reasoning: reasoning.slice(0, LONGEST), length: text.length + reasoning.length,
      finish: finish == null ? null : String(finish), usage: usage ?? null, tools: tools ?? null,
    };
  }
}

/** Answer questions until there are no more. */
async function main() {
  const [questions, answers] = process.argv.splice(2, 2).map(Number);
  stayHere();
  if (process.env.HARNESS_CLIENT_ENV) importFrom(process.env.HARNESS_CLIENT_ENV);
  let failed; // tells the question that is open of an error that nothing caught
  for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, (error) => failed?.(error));
  const modules = new Map();
  const input = new net.Socket({ fd: questions, readable: true, writable: false });
  const parent = process.ppid;
  const orphaned = () => process.ppid === parent || process.exit(1); // whoever asked is gone, however it ended
  const awake = setInterval(orphaned, 2000); // a promise alone would not keep Node from ending either
  for await (const line of readline.createInterface({ input })) {
    const stray = new Promise((_, reject) => (failed = reject));
    stray.catch(() => {});
    const asked = JSON.parse(line);
    writeAll(answers, asLine({ ...(await answer(asked, modules, stray)), id: asked.id }));
  }
  clearInterval(awake);
  for (const { close } of modules.values()) await close?.();
  process.exit(0); // whatever connections some client left open
}

/** Return a line of JSON; calls that JSON cannot carry are told as text. */
function asLine(output) {
  try {
    return JSON.stringify(output) + "\n";
  } catch {
    return JSON.stringify({ ...output, tools: [[String(output.tools), ""]] }) + "\n";
  }
}

/** Write all of a text to a pipe. */
function writeAll(pipe, text) {
  for (let left = Buffer.from(text); left.length; ) left = left.subarray(fs.writeSync(pipe, left));
}

/** Refuse connections that leave the machine. */
function stayHere() {
  const local = new net.BlockList();
  local.addSubnet("127.0.0.0", 8);
  local.addAddress("::1", "ipv6");
  const refusal = (host) => {
    const version = net.isIP(host);
    if (version ? local.check(host, `ipv${version}`) : host === "localhost") return null;
    return Object.assign(new Error(`only loopback is reachable here, not ${host}`), { code: "ECONNREFUSED" });
  };
  const { connect } = net.Socket.prototype; // what fetch, http and tls come down to
  net.Socket.prototype.connect = function (...args) {
    const [where, host] = Array.isArray(args[0]) ? args[0] : args; // Node itself passes on an array
    const named = typeof where === "object" ? where.host : typeof host === "string" ? host : undefined;
    const isFile = typeof where === "object" ? where.path : typeof where === "string" && Number.isNaN(Number(where));
    const error = isFile ? null : refusal(named || "localhost");
    if (!error) return connect.apply(this, args);
    process.nextTick(() => this.destroy(error)); // not at once: tls goes on with the socket
    return this;
  };
  const { lookup } = dns;
  dns.lookup = (host, options, callback) => {
    const error = host ? refusal(host) : null;
    if (!error) return lookup(host, options, callback);
    process.nextTick(typeof options === "function" ? options : callback, error);
  };
  const { lookup: promised } = dns.promises;
  dns.promises.lookup = async (host, options) => {
    const error = host ? refusal(host) : null;
    if (error) throw error;
    return promised(host, options);
  };
  const refuse = (host, ...rest) => process.nextTick(rest.at(-1), refusal(String(host)) ?? new Error("not resolved here"));
  for (const name of Object.keys(dns).filter((name) => /^(resolve|reverse|lookupService)/.test(name))) dns[name] = refuse;
  dgram.Socket.prototype.send = dgram.Socket.prototype.connect = () => {
    throw refusal("by datagram");
  };
  module.syncBuiltinESMExports();
}

/** Let files outside any node_modules import packages from an environment: by itself, Node looks beside the file. */
function importFrom(environment) {
  const hooks = `
    let base;
    export function initialize(url) { base = url; }
    export function resolve(specifier, context, next) {
      const isPackage = !/^([./]|[a-z]+:)/.test(specifier);
      const isOurs = !context.parentURL?.includes("/node_modules/");
      return next(specifier, isPackage && isOurs ? { ...context, parentURL: base } : context);
    }`;
  const base = pathToFileURL(path.resolve(environment, "package.json")).href;
  module.register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: base });
}

/** Return what the code made of one question; `stray` fails with the first error that nothing caught. */
async function answer(asked, modules, stray) {
  if (!modules.has(asked.file)) {
    try {
      modules.set(asked.file, await import(pathToFileURL(asked.file).href));
    } catch (error) {
      return { env: `${kinds(error)[0]}: ${error?.message ?? error}` };
    }
  }
  const entry = asked.entry ?? "read";
  if (typeof modules.get(asked.file)[entry] !== "function") {
    return { env: `it exports no function ${entry}(question, out)` };
  }
  if (asked.entry === null) return { loaded: true };
  const out = new Out();
  let error = null;
  try {
    const reading = (async () => modules.get(asked.file)[entry](asked.question, out))();
    const wrecked = stray.catch(async (thrown) => {
      await new Promise((resolve) => setTimeout(resolve, GRACE_MS));
      throw thrown; // Node would have ended the program, so no more will come
    });
    await Promise.race([reading.then(() => new Promise(setImmediate)), wrecked]);
    await Promise.race([stray, null]); // one that came with the end
  } catch (thrown) {
    error = described(thrown, asked.file);
  }
  return { ...out.output(), error };
}

/** Return what was thrown: its kinds, the nearest first, its text, and where: innermost, and last in the code itself. */
function described(error, file) {
  const frames = [...String(error?.stack ?? "").matchAll(/^ +at .*?((?:file:\/\/|node:)?[^\s():]+):(\d+):\d+\)?$/gm)];
  const places = frames.map(([, name, line]) => [name.startsWith("file:") ? fileURLToPath(name) : name, Number(line)]);
  const own = places.find(([name]) => name === file);
  return {
    kinds: kinds(error),
    message: message(error).slice(0, 2000),
    at: places.length ? `${places[0][0].split("/").slice(-2).join("/")}:${places[0][1]}` : null,
    line: own ? (fs.readFileSync(file, "utf8").split("\n")[own[1] - 1]?.trim() ?? null) : null,
  };
}

/** Return the names of an error's classes, after the name it gives itself. */
function kinds(error) {
  if (!(error instanceof Object)) return [error === null ? "null" : typeof error];
  const names = error.name && error.name !== "Error" ? [String(error.name)] : [];
  for (let of = Object.getPrototypeOf(error); of && of !== Object.prototype; of = Object.getPrototypeOf(of)) {
    names.push(of.constructor.name);
  }
  return [...new Set(names)];
}

/** Return an error's text, and that of what caused it: fetch says no more than "fetch failed". */
function message(error) {
  const text = error?.message ?? (error instanceof Object ? JSON.stringify(error) : error);
  const cause = error?.cause?.message;
  return cause && !String(text).includes(cause) ? `${text} (${cause})` : String(text);
}

await main();
