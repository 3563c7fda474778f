// The page's script: plain JavaScript, which browsers run as it is. `h` builds elements the way compiled JSX does.

// Page and script are two requests: a canary may answer them with two versions, and then the page says so.
const SCRIPT = "{{version}}";
const PAGE = document.documentElement.dataset.version;
const WORDS = ["kitten", "ginger", "black", "sleepy", "gentleman", "orange", "test"];
const KEPT = 60;

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null));
  return element;
}

// One search: what came, who answered, and how long it took. Never throws, except when it was called off.
async function ask(word, signal) {
  const start = performance.now();
  try {
    const response = await fetch(`/api/v1.0/search/${encodeURIComponent(word)}`, { signal });
    const who = response.headers.get("x-catcatgo-version");
    const text = await response.text();
    const ms = Math.round(performance.now() - start);
    if (response.ok) return { ...JSON.parse(text), who, ms };
    return { error: `${response.status}: ${reason(text) || response.statusText}`, who, ms };
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { error: String(error.message), who: null, ms: Math.round(performance.now() - start) };
  }
}

// Our own errors are JSON; those of a proxy between us are text.
function reason(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return text.slice(0, 200);
  }
}

function Cat({ name, tags, svg, score, matched = [] }) {
  const words = tags.filter((tag) => tag !== "cat");
  return h("article", { class: "cat" },
    h("img", { alt: `${name}, a cat: ${words.join(", ")}`, src: `data:image/svg+xml,${encodeURIComponent(svg)}` }),
    h("h2", null, name, score === undefined ? null : h("small", { title: "score" }, score)),
    h("p", null, words.flatMap((tag, i) => [i ? ", " : "", matched.includes(tag) ? h("mark", null, tag) : tag])));
}

function Status({ word, version, cats, error, ms }) {
  if (error) return h("p", { class: "status" }, h("span", { class: "bad" }, `No cats: ${error}`), ` (${ms} ms)`);
  const found = cats.length === 0 ? "no cat" : cats.length === 1 ? "1 cat" : `${cats.length} cats`;
  return h("p", { class: "status" }, h("b", null, found), ` for “${word}”, found by `,
    h("b", null, `backend ${version}`), ` in ${ms} ms`);
}

const tally = [];

function Tally() {
  const counts = new Map();
  for (const kind of tally) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const summary = [...counts].sort().map(([kind, n]) => `${kind}: ${n}`).join(", ");
  const dot = (kind) => h("i", { class: kind.split(" ").pop(), title: kind });
  return [
    SCRIPT === PAGE ? null : h("p", { class: "bad" }, `its script came from ui ${SCRIPT}`),
    tally.length ? h("div", { class: "dots" }, tally.map(dot)) : null,
    tally.length ? h("p", null, `Answers so far, up to ${KEPT}: ${summary}`) : null,
    tally.length ? h("button", { type: "button", onclick: again }, "ask 20 times more") : null,
  ].filter(Boolean);
}

function count(answer) {
  tally.push(answer.error ? "error" : `backend ${answer.version}`);
  tally.splice(0, tally.length - KEPT);
  document.getElementById("tally").replaceChildren(...Tally());
}

const results = h("section", { "aria-live": "polite" });
const input = h("input", { name: "q", type: "search", placeholder: "kitten", "aria-label": "Search for cats", maxlength: 64, autofocus: "" });

let current = new AbortController();

async function search(word) {
  current.abort();
  const mine = (current = new AbortController());
  input.value = word;
  if (!word) return results.replaceChildren();
  results.replaceChildren(h("p", { class: "status" }, "looking under the sofa …"));
  try {
    const answer = await ask(word, mine.signal);
    count(answer);
    results.replaceChildren(Status(answer), h("div", { class: "cats" }, (answer.cats ?? []).map(Cat)));
  } catch {
    // A newer search took its place.
  }
}

async function again() {
  const word = input.value.trim() || "cat";
  for (let i = 0; i < 20; i += 1) count(await ask(word));
}

// The word is in the address, so that a search can be kept, sent and gone back to.
const asked = () => (new URLSearchParams(location.search).get("q") ?? "").trim();

function go(word) {
  history.pushState(null, "", word ? `?q=${encodeURIComponent(word)}` : location.pathname);
  search(word);
}

function submit(event) {
  event.preventDefault();
  go(input.value.trim());
}

document.getElementById("app").replaceChildren(
  h("form", { role: "search", onsubmit: submit }, input, h("button", null, "Find cats")),
  h("div", { class: "words" }, WORDS.map((word) => h("button", { type: "button", onclick: () => go(word) }, word))),
  results);
document.getElementById("tally").replaceChildren(...Tally());
addEventListener("popstate", () => search(asked()));
search(asked());
