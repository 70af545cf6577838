// Run JavaScript jobs that come as lines of JSON on stdin, and answer each with one line on stdout.
"use strict";
const fs = require("fs");
const path = require("path");
const readline = require("readline");
const { pathToFileURL } = require("url");

const refuse = () => {
  throw new Error("the network is not available here");
};
require("net").Socket.prototype.connect = refuse;
for (const name of ["bind", "connect", "send"]) require("dgram").Socket.prototype[name] = refuse;
globalThis.fetch = async () => refuse();
for (const name of ["log", "info", "warn", "error", "debug"]) console[name] = () => {};
process.stdout.write = process.stderr.write = () => true;

// An expression over several statements returns its last one: the last `;` at which that is a function.
function compiled(code) {
  const make = (body) => new Function("output", "context", "process", body);
  const text = code.trim();
  if (text.includes("\n")) return make(text);
  const line = text.replace(/;+\s*$/, "");
  if (!/^(const|let|var)\s/.test(line)) return make(`return ${line}`);
  for (let at = line.lastIndexOf(";"); at > 0; at = line.lastIndexOf(";", at - 1)) {
    try {
      return make(`${line.slice(0, at + 1)} return (${line.slice(at + 1)})`);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  return make(line);
}

const functions = new Map();

// Files that came along are written anew where they changed; a confined process sees no folder of the machine.
function placed(job) {
  const digest = require("crypto").createHash("sha256").update(JSON.stringify(job.texts)).digest("hex");
  const folder = path.join("/tmp", `code-${digest}`);
  if (!fs.existsSync(folder)) {
    fs.mkdirSync(folder);
    for (const [name, text] of Object.entries(job.texts)) fs.writeFileSync(path.join(folder, name), text);
  }
  return path.join(folder, path.basename(job.path));
}

async function found(job) {
  if (job.path && job.texts) job.path = placed(job);
  const key = JSON.stringify([job.code, job.path, job.function, job.version]);
  if (!functions.has(key)) functions.set(key, job.path ? await ofFile(job) : compiled(job.code));
  return functions.get(key);
}

async function ofFile(job) {
  const module = await import(`${pathToFileURL(job.path).href}?${job.version}`);
  const places = [module, module.default, module.default && module.default.default];
  for (const place of places.filter(Boolean)) {
    const own = job.function && Object.prototype.hasOwnProperty.call(place, job.function) && place[job.function];
    const it = job.function ? own : place;
    if (typeof it === "function") return it;
  }
  throw new Error(`the file exports no function${job.function ? " `" + job.function + "`" : ""}`);
}

function checked(key, value) {
  if (typeof value === "number" && !Number.isFinite(value)) throw new Error("the result is not finite");
  return value;
}

async function answer(line) {
  try {
    const job = JSON.parse(line);
    const call = await found(job);
    const value = await call(job.output, job.context, process);
    if (value === undefined) throw new Error("nothing was returned");
    const text = JSON.stringify({ value }, checked);
    if (text === "{}") throw new Error(`a ${typeof value} was returned, which is no JSON`);
    return text;
  } catch (error) {
    const told = error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${String(error)}`;
    return JSON.stringify({ error: told.slice(0, 400) });
  }
}

let last = Promise.resolve();
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  last = last.then(async () => {
    const bytes = Buffer.from((await answer(line)) + "\n");
    for (let done = 0; done < bytes.length; ) done += fs.writeSync(1, bytes, done);
  });
});
