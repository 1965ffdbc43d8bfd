"use strict";
// Draws the page from the JSON in #data. Names come from the disk: they only ever become text, never markup.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A name that may be broken after its slashes.
const breakable = (text) => text.split("/").flatMap((part, i) => (i === 0 ? [part] : ["/", make("wbr"), part]));
const quiet = (tag, ...children) => make(tag, { className: "quiet" }, ...children);
const nameOf = (text) => make("span", { className: "name" }, ...breakable(text));

// ---- Words and numbers.

// As `hf` prints sizes: 116300 -> "116.3K".
function size(bytes) {
  const units = ["", "K", "M", "G", "T", "P", "E", "Z"];
  let unit = 0;
  while (bytes >= 1000 && unit + 1 < units.length) {
    bytes /= 1000;
    ++unit;
  }
  return bytes.toFixed(1) + units[unit];
}

const grouped = (count) => count.toLocaleString("en");
const counted = (count, noun) => `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;

const day = 86400;
const spans = [["second", 1, 60], ["minute", 60, 60], ["hour", 3600, 24], ["day", day, 6], ["week", 7 * day, 6],
  ["month", 30 * day, 11], ["year", 365 * day, Infinity]];

// How long before the report `time` was: "3 days ago".
function ago(time) {
  if (time === 0) return "–";
  const seconds = data.taken - time;
  if (seconds < 20) return "a few seconds ago";
  const [noun, length] = spans.find(([, unit, most]) => Math.round(seconds / unit) <= most);
  return `${counted(Math.round(seconds / length), noun)} ago`;
}

const date = (time) => new Date(time * 1000).toISOString().slice(0, 10);

// ---- The tree: cache -> repos -> folders -> files, each with its bytes by hold and by age.

const holds = [
  { style: "own", label: "Held by one repo" },
  { style: "shared", label: "Shared, stored once" },
  { style: "duplicate", label: "Duplicate, could be linked" },
  { style: "leftover", label: "Left over: no revision names it" },
];
const ages = [
  { style: "age0", label: "Read within a week", days: 7 },
  { style: "age1", label: "within a month", days: 30 },
  { style: "age2", label: "within 3 months", days: 90 },
  { style: "age3", label: "within a year", days: 365 },
  { style: "age4", label: "longer ago", days: Infinity },
];

const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);
const sums = (rows, length) => Array.from({ length }, (_, i) => sum(rows.map((row) => row[i])));

// A node of `children`, with `node`'s name; largest first.
function group(node, children) {
  const sorted = children.filter((child) => child.bytes > 0).sort((a, b) => b.bytes - a.bytes);
  return {
    ...node,
    children: sorted,
    hold: sums(sorted.map((child) => child.hold), holds.length),
    age: sums(sorted.map((child) => child.age), ages.length),
    bytes: sum(sorted.map((child) => child.bytes)),
    files: sum(sorted.map((child) => child.files)),
    accessed: Math.max(0, ...sorted.map((child) => child.accessed)),
  };
}

function fileNode([name, accessed, ...bytes]) {
  const several = typeof name === "number";
  const hold = holds.map((_, i) => bytes[i] ?? 0);
  const total = sum(hold);
  const bucket = ages.findIndex(({ days }) => data.taken - accessed < days * day);
  return {
    key: several ? "smaller files" : `file ${name}`,
    name: several ? counted(name, "smaller file") : name,
    search: several ? "" : name.toLowerCase(),
    hold,
    age: ages.map((_, i) => (i === bucket ? total : 0)),
    bytes: total,
    files: several ? name : 1,
    accessed,
  };
}

const folderNames = { unnamed: "Contents that no revision names", unfinished: "Unfinished downloads" };

function folderNode({ what, name, files }) {
  const shown = folderNames[what] ?? `${name}/`;
  const node = group({ key: `${what} ${name}`, name: shown, search: shown.toLowerCase() }, files.map(fileNode));
  return what === "unfinished" ? { ...node, files: 0 } : node;
}

function repoNode(repo, index) {
  const search = [repo.label, ...repo.refs].join(" ").toLowerCase();
  const children = [...repo.folders.map(folderNode), ...repo.top.map(fileNode)];
  return group({ key: `repo ${index}`, name: repo.label, search, repo }, children);
}

const repoNodes = data.repos.map(repoNode);
const whole = group({ name: "Cache", search: "" }, repoNodes);

// What of `node` has all the words, in its own name or in those above and below it; null if nothing has.
function matching(node, words) {
  const left = words.filter((word) => !node.search.includes(word));
  if (left.length === 0) return node;
  const children = (node.children ?? []).map((child) => matching(child, left)).filter((child) => child !== null);
  return children.length > 0 ? group(node, children) : null;
}

// ---- What is on view.

const view = { words: [], path: [], colours: "hold", sort: "on_disk", down: true, rows: 100, duplicates: 20 };
let found = whole;
let foundRepos = data.repos;

function search(text) {
  view.words = text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const nodes = repoNodes.map((node) => matching(node, view.words));
  foundRepos = data.repos.filter((_, i) => nodes[i] !== null);
  found = view.words.length === 0 ? whole : group(whole, nodes.filter((node) => node !== null));
  drawMap();
  drawRows();
}

// ---- The map.

const map = byId("map");
const hint = byId("hint");
let cells = [];     // As drawn: {element, node, path, box}; those that take the focus first.
let stops = 0;      // How many take it.
let hinted = null;  // The element that the hint tells about.

const smallest = 150;  // Of a cell, in square pixels.
const least = 30;      // So many cells are drawn, however small they are.

// The children of `node` as an area draws them: one cell stands for all that would be too small.
function partsOf(node, area) {
  const children = node.children ?? [];
  const fits = children.filter((child) => (child.bytes / node.bytes) * area >= smallest).length;
  const kept = Math.max(fits, least);
  if (kept + 1 >= children.length) return children;
  const rest = children.slice(kept);
  const name = `${grouped(rest.length)} smaller`;
  return [...children.slice(0, kept), group({ key: "smaller", name, search: "" }, rest)];
}

// Squarified: rows of cells as square as they get, in `box`; largest first, as `nodes` must be but for the last.
function squarified(nodes, { x, y, w, h }) {
  const scale = (w * h) / sum(nodes.map((node) => node.bytes));
  const result = [];
  let first = 0;
  while (first < nodes.length) {
    const side = Math.min(w, h);
    let last = first;
    let area = 0;
    let large = 0;
    let small = Infinity;
    let worst = Infinity;
    for (; last < nodes.length; ++last) {
      const next = nodes[last].bytes * scale;
      const most = Math.max(large, next);
      const few = Math.min(small, next);
      const thick = (area + next) / side;
      const ratio = Math.max(most / thick ** 2, thick ** 2 / few);
      if (ratio > worst) break;
      [area, large, small, worst] = [area + next, most, few, ratio];
    }
    const thick = area / side;
    let at = 0;
    for (const node of nodes.slice(first, last)) {
      const long = (node.bytes * scale) / thick;
      result.push({ node, box: w >= h ? { x, y: y + at, w: thick, h: long } : { x: x + at, y, w: long, h: thick } });
      at += long;
    }
    if (w >= h) [x, w] = [x + thick, Math.max(w - thick, 1e-6)];
    else [y, h] = [y + thick, Math.max(h - thick, 1e-6)];
    first = last;
  }
  return result;
}

// Coloured parts of a cell: by hold in proportion, by age as most of its bytes are.
function coloured(node) {
  if (view.colours === "age") {
    const most = node.age.indexOf(Math.max(...node.age));
    return { text: ages[most].style, parts: [{ style: ages[most].style, from: 0, part: 1 }] };
  }
  let from = 0;
  const parts = [];
  holds.forEach(({ style }, i) => {
    const part = node.hold[i] / node.bytes;
    if (part > 0) parts.push({ style, from, part });
    from += part;
  });
  return { text: "", parts };
}

function cellElement(tag, node, box, classes) {
  const element = make(tag, { className: `cell ${classes}${node.children ? " opens" : ""}` });
  const percent = (part, all) => `${(100 * part) / all}%`;
  element.style.left = percent(box.x, map.clientWidth);
  element.style.width = percent(box.w, map.clientWidth);
  element.style.top = percent(box.y, map.clientHeight);
  element.style.height = percent(box.h, map.clientHeight);
  return element;
}

// The longest form of a repo's name that `width` pixels hold: "model/owner/name", "owner/name" or "name".
function fitting({ name, repo }, width) {
  if (repo === undefined) return name;
  const parts = name.split("/");
  const forms = [0, 1, 2].map((skipped) => parts.slice(Math.min(skipped, parts.length - 1)).join("/"));
  return forms.find((form) => form.length * 7.2 <= width) ?? forms.at(-1);
}

function title(node, box, framed) {
  const result = make("span", { className: "title" }, make("span", {}, fitting(node, box.w - (framed ? 70 : 14))));
  if (framed || (box.h >= 38 && box.w >= 58)) result.append(make("span", { className: "size" }, size(node.bytes)));
  return result;
}

function plainCell(tag, node, box) {
  const { text, parts } = coloured(node);
  const element = cellElement(tag, node, box, text);
  for (const { style, from, part } of parts) {
    const strip = make("span", { className: `part ${style}` });
    strip.style.left = `${100 * from}%`;
    strip.style.width = `${100 * part}%`;
    element.append(strip);
  }
  if (box.w >= 44 && box.h >= 22) element.append(title(node, box, false));
  return element;
}

const spoken = (node) => `${node.name}, ${size(node.bytes)} on disk${node.children ? ", opens" : ""}`;

function drawCell({ node, box }) {
  const path = [...view.path, node.key];
  const framed = node.children !== undefined && node.key !== "smaller" && box.w >= 90 && box.h >= 62;
  const element = framed ? cellElement("button", node, box, "frame") : plainCell("button", node, box);
  element.type = "button";
  element.setAttribute("aria-label", spoken(node));
  cells.push({ element, node, path, box });
  if (!framed) return [];
  element.append(title(node, box, true));
  const inside = { x: box.x + 3, y: box.y + 23, w: box.w - 8, h: box.h - 28 };
  return squarified(partsOf(node, inside.w * inside.h), inside).map((inner) => ({
    element: plainCell("div", inner.node, inner.box),
    node: inner.node,
    path: inner.node.children ? [...path, inner.node.key] : path,
    box: inner.box,
    within: node,
  }));
}

// The nodes from the cache to what the map shows; cut where the search left nothing.
function nodesOnPath() {
  const nodes = [found];
  for (const key of view.path) {
    const next = partsOf(nodes.at(-1), map.clientWidth * map.clientHeight).find((node) => node.key === key);
    if (next?.children === undefined) break;
    nodes.push(next);
  }
  view.path = view.path.slice(0, nodes.length - 1);
  return nodes;
}

function drawMap() {
  const nodes = nodesOnPath();
  const here = nodes.at(-1);
  const box = { x: 0, y: 0, w: map.clientWidth, h: map.clientHeight };
  hideHint();
  cells = [];
  const inner = squarified(partsOf(here, box.w * box.h), box).flatMap(drawCell);
  stops = cells.length;
  cells.push(...inner);
  cells.forEach(({ element }, i) => {
    element.dataset.cell = i;
    if (i < stops) element.tabIndex = i === 0 ? 0 : -1;
    else element.setAttribute("aria-hidden", "true");
  });
  map.replaceChildren(...cells.map(({ element }) => element));
  if (here.bytes === 0) map.append(make("p", {}, view.words.length > 0 ? "Nothing found." : "No bytes on disk."));
  drawTrail(nodes);
  drawLegend(here);
}

function drawTrail(nodes) {
  const parts = nodes.flatMap((node, depth) => {
    const last = depth + 1 === nodes.length;
    const step = last
      ? make("span", { className: "name", "aria-current": "location" }, node.name)
      : make("button", { className: "link name", type: "button" }, node.name);
    step.addEventListener("click", () => !last && open(view.path.slice(0, depth)));
    return depth === 0 ? [step] : [make("span", { className: "between", "aria-hidden": "true" }, "›"), step];
  });
  byId("trail").replaceChildren(...parts);
  const here = nodes.at(-1);
  const facts = [`${size(here.bytes)} on disk`];
  if (here.files > 0) facts.push(counted(here.files, "file"));
  if (here.accessed > 0) facts.push(`read ${ago(here.accessed)}`);
  byId("here").textContent = facts.join(" · ");
}

function drawLegend(here) {
  const byAge = view.colours === "age";
  const bytes = byAge ? here.age : here.hold;
  const entries = (byAge ? ages : holds).map(({ style, label }, i) =>
    make("li", {}, make("i", { className: style }), `${label} `, quiet("span", size(bytes[i]))));
  byId("legend").replaceChildren(...entries);
}

function open(path) {
  view.path = path;
  drawMap();
}

function up() {
  const left = view.path.at(-1);
  open(view.path.slice(0, -1));
  return cells.findIndex(({ node }, i) => i < stops && node.key === left);
}

function focusCell(index) {
  if (cells.length === 0) return;
  cells.forEach(({ element }, i) => i < stops && (element.tabIndex = -1));
  const { element } = cells[Math.max(index, 0)];
  element.tabIndex = 0;
  element.focus();
}

// The cell next to cell `from` in the direction of an arrow key, or `from`.
function neighbour(from, key) {
  const centre = ({ box }) => [box.x + box.w / 2, box.y + box.h / 2];
  const [x, y] = centre(cells[from]);
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  let best = from;
  let nearest = Infinity;
  for (let i = 0; i < stops; ++i) {
    const [cx, cy] = centre(cells[i]);
    const ahead = (cx - x) * dx + (cy - y) * dy;
    const aside = Math.abs((cx - x) * dy) + Math.abs((cy - y) * dx);
    if (ahead > 1 && ahead + 2 * aside < nearest) [best, nearest] = [i, ahead + 2 * aside];
  }
  return best;
}

const cellOf = (target) => cells[target.closest?.(".cell")?.dataset.cell];

function showHint(cell) {
  const { node, element, within: frame } = cell;
  const lines = [make("strong", {}, nameOf(node.name))];
  if (frame !== undefined) lines.push(make("div", {}, "in ", nameOf(frame.name)));
  const percent = ((100 * node.bytes) / whole.bytes).toFixed(1);
  lines.push(make("div", {}, `${size(node.bytes)} on disk, ${percent}% of the cache`));
  holds.forEach(({ label }, i) => {
    if (node.hold[i] === 0) return;
    lines.push(quiet("div", node.hold[i] === node.bytes ? label : `${label} ${size(node.hold[i])}`));
  });
  if (node.accessed > 0) lines.push(quiet("div", `Last read ${ago(node.accessed)} (${date(node.accessed)})`));
  hint.replaceChildren(...lines);
  hint.hidden = false;
  hinted = element;
  placeHint();
}

// Beside the cell that it tells about, as long as that is on view.
function placeHint() {
  if (hinted === null) return;
  const at = hinted.getBoundingClientRect();
  hint.hidden = at.bottom < 0 || at.top > innerHeight;
  const within = (wanted, length, all) => Math.max(8, Math.min(wanted, all - length - 8));
  const below = at.bottom + 6 + hint.offsetHeight < innerHeight;
  const left = within(at.left, hint.offsetWidth, document.documentElement.clientWidth);
  const top = within(below ? at.bottom + 6 : at.top - 6 - hint.offsetHeight, hint.offsetHeight, innerHeight);
  hint.style.transform = `translate(${left}px, ${top}px)`;
}

function hideHint() {
  hinted = null;
  hint.hidden = true;
}

function listenToMap() {
  map.addEventListener("click", (event) => {
    const cell = cellOf(event.target);
    if (cell === undefined) return;
    const byKey = event.detail === 0;
    if (cell.node.children === undefined && cell.within === undefined) {
      showHint(cell);
    } else {
      open(cell.path);
      if (byKey) focusCell(0);
    }
  });
  map.addEventListener("keydown", (event) => {
    const from = cells.indexOf(cellOf(event.target));
    if (event.key.startsWith("Arrow") && from >= 0) focusCell(neighbour(from, event.key));
    else if (event.key === "Escape" && view.path.length > 0) focusCell(up());
    else return;
    event.preventDefault();
  });
  map.addEventListener("pointerover", (event) => {
    const cell = cellOf(event.target);
    if (cell !== undefined && event.pointerType === "mouse") showHint(cell);
  });
  map.addEventListener("pointerleave", hideHint);
  map.addEventListener("focusin", ({ target }) => target.matches(":focus-visible") && showHint(cellOf(target)));
  map.addEventListener("focusout", hideHint);
  addEventListener("scroll", placeHint, { passive: true });
  let width = map.clientWidth;
  new ResizeObserver(() => {
    if (map.clientWidth === width) return;
    width = map.clientWidth;
    drawMap();
  }).observe(map);
}

// ---- The table.

function neighboursOf(repo) {
  const names = repo.shared_with.slice(0, 2).map((i) => make("div", {}, nameOf(data.repos[i].label)));
  if (repo.neighbours > names.length) names.push(`and ${grouped(repo.neighbours - names.length)} more`);
  if (repo.shared_outside) names.push(quiet("div", "files outside the cache"));
  return names;
}

const isAlone = (repo) => repo.neighbours === 0 && !repo.shared_outside;

function refsOf(repo) {
  const more = repo.ref_count - Math.min(3, repo.refs.length);
  return [nameOf(repo.refs.slice(0, 3).join(", ")), more > 0 ? ` and ${grouped(more)} more` : ""];
}

const when = (key) => (repo) => [make("span", { title: repo[key] ? date(repo[key]) : "" }, ago(repo[key]))];

const columns = [
  { key: "label", title: "Repo", cell: labelCell },
  { key: "on_disk", title: "On disk", number: true, cell: (repo) => [size(repo.on_disk)] },
  { key: "unique", title: "Deleting frees", number: true, cell: (repo) => [size(repo.unique)] },
  { key: "apparent", title: "File sizes", number: true, cell: (repo) => [size(repo.apparent)] },
  { key: "neighbours", title: "Shared with", wide: true, cell: neighboursOf, none: isAlone },
  { key: "accessed", title: "Accessed", when: true, cell: when("accessed") },
  { key: "modified", title: "Modified", when: true, cell: when("modified") },
  { key: "revisions", title: "Revisions", number: true, cell: (repo) => [grouped(repo.revisions)] },
  { key: "ref_count", title: "Refs", cell: refsOf, none: (repo) => repo.ref_count === 0 },
];
const largest = Math.max(1, ...data.repos.map((repo) => repo.on_disk));

function labelCell(repo) {
  const properties = { className: "link name", type: "button", title: "Show in the map" };
  const button = make("button", properties, ...breakable(repo.label));
  const index = data.repos.indexOf(repo);
  button.addEventListener("click", () => show(index));
  const bar = make("div", { className: "bar" });
  const { hold, bytes } = repoNodes[index];
  holds.forEach(({ style }, i) => {
    if (bytes === 0 || hold[i] === 0) return;
    const part = make("i", { className: style });
    part.style.width = `${(100 * repo.on_disk * hold[i]) / bytes / largest}%`;
    bar.append(part);
  });
  const unfinished = counted(repo.partials, "unfinished download");
  return repo.partials > 0 ? [button, bar, quiet("div", unfinished)] : [button, bar];
}

// Zooms the map into a repo, by way of "N smaller" where it is in there.
function show(index) {
  const { key } = repoNodes[index];
  view.path = [];
  for (let node = found; ; ) {
    const parts = partsOf(node, map.clientWidth * map.clientHeight);
    const inside = parts.some((part) => part.key === key);
    const smaller = parts.find((part) => part.key === "smaller");
    view.path.push(inside ? key : "smaller");
    if (inside || smaller === undefined) break;
    node = smaller;
  }
  drawMap();
  map.scrollIntoView({ block: "center" });
  focusCell(0);
}

const classesOf = (column) => ["number", "when", "wide"].filter((name) => column[name]).join(" ");

function row(repo) {
  return make("tr", {}, ...columns.map((column) => {
    const cell = make("td", { className: classesOf(column) }, ...column.cell(repo));
    if (column.key !== "label") cell.dataset.title = column.title;
    if (column.none?.(repo)) cell.classList.add("none");
    return cell;
  }));
}

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function drawRows() {
  const { sort, down } = view;
  const turn = down ? -1 : 1;
  const order = (a, b) => turn * compare(a[sort], b[sort]) || compare(a.label, b.label);
  const sorted = [...foundRepos].sort(order);
  byId("rows").replaceChildren(...sorted.slice(0, view.rows).map(row));
  const all = data.repos.length;
  byId("shown").textContent = sorted.length === all ? grouped(all) : `${grouped(sorted.length)} of ${grouped(all)}`;
  offerMore(byId("more-rows"), sorted.length - view.rows, `Show all ${counted(sorted.length, "repo")}`);
  [...byId("columns").children].forEach((head, i) => {
    const direction = down ? "descending" : "ascending";
    head.setAttribute("aria-sort", columns[i].key === sort ? direction : "none");
  });
  byId("sort").value = sort;
}

function offerMore(button, hidden, text) {
  button.hidden = hidden <= 0;
  button.textContent = text;
}

function sortBy(key, down) {
  Object.assign(view, { sort: key, down });
  drawRows();
}

function makeHeads() {
  for (const column of columns) {
    const button = make("button", { type: "button" }, column.title);
    const first = column.key !== "label";  // numbers start with the largest, names with A
    button.addEventListener("click", () => sortBy(column.key, view.sort === column.key ? !view.down : first));
    byId("columns").append(make("th", { scope: "col", className: classesOf(column) }, button));
    byId("sort").append(make("option", { value: column.key }, column.title));
  }
  byId("sort").addEventListener("change", ({ target }) => sortBy(target.value, target.value !== "label"));
  byId("more-rows").addEventListener("click", () => {
    view.rows = Infinity;
    drawRows();
  });
}

// ---- The rest of the page.

function drawTotals() {
  const [, , duplicate, leftover] = data.bytes;
  const partials = sum(data.repos.map((repo) => repo.partials));
  const revisions = sum(data.repos.map((repo) => repo.revisions));
  const files = sum(data.repos.map((repo) => repo.files));
  const totals = [
    ["On disk", size(sum(data.bytes)), `${size(data.apparent)} by file sizes`],
    ["Saved by sharing", size(data.saved), "stored only once"],
    ["Could still be saved", size(duplicate), counted(data.duplicate_count, "duplicate")],
    ["Left over", size(leftover), counted(partials, "unfinished download")],
    ["Repos", grouped(data.repos.length), `${counted(revisions, "revision")}, ${counted(files, "file")}`],
  ];
  byId("totals").append(...totals.map(([name, value, more]) => make("div", {}, make("dt", {}, name),
    make("dd", { className: "big" }, value), make("dd", { className: "quiet" }, more))));
}

function duplicateItem({ name, size: bytes, saves, copies, places }) {
  const lines = places.map(([repo, path]) =>
    make("li", {}, nameOf(data.repos[repo].label), make("span", { className: "quiet name" }, ` ${path}`)));
  if (copies > places.length) lines.push(quiet("li", `and ${grouped(copies - places.length)} more`));
  const top = make("div", { className: "top" },
    make("strong", {}, `saves ${size(saves)}`),
    quiet("span", `${grouped(copies)} × ${size(bytes)} · `, make("code", { title: name }, name.slice(0, 12))));
  return make("li", {}, top, make("ul", {}, ...lines));
}

function drawDuplicates() {
  const all = data.duplicate_count;
  const listed = data.duplicates.slice(0, view.duplicates);
  byId("duplicates").replaceChildren(...listed.map(duplicateItem));
  const known = data.duplicates.length;
  offerMore(byId("more-duplicates"), known - listed.length, `Show ${counted(known, "duplicate")}`);
  byId("duplicates-sum").replaceChildren(...(all === 0
    ? ["None: equal contents of different repos share their bytes already."]
    : [`${counted(all, "content")} of 64 KiB and more ${all === 1 ? "lies" : "lie"} on the disk more than once. `,
      make("code", {}, "hubcache cache dedupe"), ` links the copies; that frees up to ${size(data.bytes[2])}.`]));
}

function drawProblems() {
  if (data.problem_count === 0) return;
  byId("problems-part").hidden = false;
  byId("problems-sum").textContent =
    `${counted(data.problem_count, "problem")} found; the sums lack what could not be read or understood.`;
  byId("problems").append(...data.problems.map(({ path, text }) =>
    make("li", {}, nameOf(path), make("div", { className: "quiet name" }, text))));
}

function start() {
  const taken = new Date(data.taken * 1000).toISOString().slice(0, 16).replace("T", " ");
  const folder = make("code", { className: "name" }, ...breakable(data.cache_dir));
  byId("where").append(folder, ` · ${taken} UTC · hubcache ${data.hubcache}`);
  drawProblems();
  byId("empty").hidden = data.repos.length > 0;
  if (data.repos.length === 0) return;
  drawTotals();
  byId("filled").hidden = false;
  makeHeads();
  drawMap();
  drawRows();
  drawDuplicates();
  listenToMap();
  byId("search").addEventListener("input", ({ target }) => search(target.value));
  document.querySelectorAll("input[name=colours]").forEach((input) => input.addEventListener("change", () => {
    view.colours = input.value;
    drawMap();
  }));
  byId("more-duplicates").addEventListener("click", () => {
    view.duplicates = Infinity;
    drawDuplicates();
  });
}

start();
