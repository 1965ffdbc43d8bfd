// The page of `hubcache cache report` in a real browser; run.sh starts this.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { hostile, hostilePath, large, usual } from "./caches.mjs";
import { Chromium } from "./chromium.mjs";

const [hubcache, program, pictures] = process.argv.slice(2);
const home = mkdtempSync(join(tmpdir(), "hubcache-browser-"));
process.on("exit", () => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));

const laptop = { width: 1366, height: 768 };
const phone = { width: 390, height: 844, touch: true };
const dark = [{ name: "prefers-color-scheme", value: "dark" }];

// Writes a page of a cache that `fill` fills; returns its path.
function report(name, fill) {
	const cache = join(home, name);
	mkdirSync(cache);
	fill(cache);
	const page = join(home, `${name}.html`);
	const run = spawnSync(hubcache, ["cache", "report", "--html", page, "--cache-dir", cache], {
		env: { PATH: process.env.PATH, HF_HOME: home },
		encoding: "utf8",
	});
	assert.equal(run.status, 0, `hubcache cache report: ${run.stderr}${run.stdout}`);
	return page;
}

const browser = new Chromium(program, join(home, "profile"));

// Opens `page` for `check`; whatever happens there, it must load nothing else and the console must stay empty.
async function passes(what, path, screen, check) {
	const url = pathToFileURL(path).href;
	const page = await browser.open(url, screen);
	await check(page);
	assert.deepEqual(page.complaints, [], what);
	assert.deepEqual(page.requests, [url], what);
	await page.close();
	console.log(`ok: ${what}`);
}

const textOf = (page, selector) => page.run((s) => document.querySelector(s).textContent, selector);
const textsOf = (page, selector) =>
	page.run((s) => [...document.querySelectorAll(s)].map((element) => element.textContent), selector);
const labels = (page) => textsOf(page, "#rows td:first-child button");
const overflow = (page) =>
	page.run(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
const trail = (page) => textOf(page, "#trail");
const focused = (page) => page.run(() => document.activeElement.getAttribute("aria-label") ?? "");

// A cell of the map by the beginning of its name, opened as by the keyboard: its centre may be an inner cell's.
const cellNamed = (start) => `#map button[aria-label^='${start}']`;
const openCell = (page, start) => page.run((s) => document.querySelector(s).click(), cellNamed(start));

// The data in the page, with the bytes of each repo's files added up.
const dataOf = (page) => page.run(() => {
	const data = JSON.parse(document.getElementById("data").textContent);
	const bytes = (files) => files.flatMap((file) => file.slice(2)).reduce((a, b) => a + b, 0);
	for (const repo of data.repos) repo.drawn = bytes([...repo.top, ...repo.folders.flatMap((folder) => folder.files)]);
	return data;
});

async function search(page, text) {
	await page.run(() => {
		document.getElementById("search").focus();
		document.getElementById("search").select();
	});
	await page.type(text);
}

async function tabTo(page, selector) {
	await page.run(() => document.activeElement.blur());
	for (let i = 0; i < 30; ++i) {
		await page.press("Tab");
		if (await page.run((s) => document.activeElement.matches(s), selector)) return;
	}
	assert.fail(`Tab does not reach ${selector}`);
}

// Contrasts below WCAG's AA of text that is on view, as "ratio: text".
const faintTexts = (page) => page.run(() => {
	const channel = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
	const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
	const light = (colour) => {
		const [red, green, blue] = numbers(colour).map((c) => channel(c / 255));
		return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
	};
	const opaque = (element) => {
		const { backgroundColor, backgroundImage } = getComputedStyle(element);
		const all = (backgroundImage.match(/rgb\([^)]*\)/g) ?? []).concat(backgroundColor);
		return all.filter((colour) => (numbers(colour)[3] ?? 1) === 1);
	};
	const behind = (element) => {
		const parts = [...(element.closest(".cell")?.querySelectorAll(".part") ?? [])].flatMap(opaque);
		for (let at = element; parts.length === 0; at = at.parentElement) parts.push(...opaque(at));
		return parts;
	};
	const faint = [];
	for (const element of document.querySelectorAll("body *")) {
		const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
		if (own.length === 0 || element.getClientRects().length === 0 || element.tagName === "OPTION") continue;
		const text = light(getComputedStyle(element).color);
		for (const colour of behind(element)) {
			const [high, low] = [text, light(colour)].sort((a, b) => b - a);
			const ratio = (high + 0.05) / (low + 0.05);
			if (ratio < 4.5) faint.push(`${ratio.toFixed(2)}: ${own[0].data} (${colour})`);
		}
	}
	return faint;
});

async function checks() {
	const page = report("usual", usual);

	await passes("areas are bytes: of repos, and of a repo's folders", page, laptop, async (page) => {
		const areas = () => page.run(() => [...document.querySelectorAll("#map button.cell")].map((cell) => {
			const { width, height } = cell.getBoundingClientRect();
			return { label: cell.getAttribute("aria-label"), area: width * height };
		}));
		const proportional = (cells, bytesOf) => {
			const all = cells.reduce((sum, { area }) => sum + area, 0);
			const bytes = cells.reduce((sum, cell) => sum + bytesOf(cell), 0);
			for (const cell of cells) {
				const [is, should] = [cell.area / all, bytesOf(cell) / bytes];
				const far = Math.abs(is - should) >= 0.002 + 0.02 * should;
				assert.ok(!far, `${cell.label}: ${is} of the area, ${should} of the bytes`);
			}
			return all;
		};
		const { repos, bytes } = await dataOf(page);
		const named = (items, name) => items.find((item) => name.startsWith(`${item.label ?? `${item.name}/`}, `));
		const cells = await areas();
		assert.equal(cells.length, repos.length);
		const all = proportional(cells, ({ label }) => named(repos, label).drawn);
		const box = await page.run(() => {
			const { clientWidth, clientHeight } = document.getElementById("map");
			return clientWidth * clientHeight;
		});
		assert.ok(Math.abs(all / box - 1) < 0.01);
		assert.equal(repos.reduce((sum, repo) => sum + repo.drawn, 0), bytes.reduce((a, b) => a + b, 0));

		await openCell(page, "model/other/twin");
		const folders = repos.find((repo) => repo.label === "model/other/twin").folders;
		const bytesIn = ({ files }) => files.flatMap((file) => file.slice(2)).reduce((a, b) => a + b, 0);
		proportional(await areas(), ({ label }) => bytesIn(named(folders, label)));
	});

	await passes("the sums at the top are those of the disk", page, laptop, async (page) => {
		const totals = await textsOf(page, "#totals .big");
		assert.deepEqual(totals.slice(1), ["3.0M", "6.0M", "802.8K", "4"]);
		const { duplicates } = await dataOf(page);
		assert.equal(duplicates.length, 1);
		assert.match(await textOf(page, "#duplicates"), /saves 6\.0M.*model\/acme\/pipeline.*model\/other\/twin/s);
		assert.equal(await page.run(() => document.querySelectorAll(".cell .duplicate").length), 1);
	});

	await passes("a search filters the table and the map, down to files", page, laptop, async (page) => {
		const all = await labels(page);
		await search(page, "TWIN");
		assert.deepEqual(await labels(page), ["model/other/twin"]);
		assert.equal(await textOf(page, "#shown"), "1 of 4");
		assert.equal(await page.run(() => document.querySelectorAll("#map button.cell").length), 1);
		await search(page, "part-17 rows");
		assert.deepEqual(await labels(page), ["dataset/acme/rows"]);
		assert.match(await textOf(page, "#here"), /1 file /);
		await search(page, "no such thing");
		assert.deepEqual(await labels(page), []);
		assert.equal(await textOf(page, "#map"), "Nothing found.");
		await page.run(() => (document.getElementById("search").value = ""));
		await page.run(() => document.getElementById("search").dispatchEvent(new Event("input")));
		assert.deepEqual(await labels(page), all);
	});

	await passes("a click on a header sorts, a second one turns the order", page, laptop, async (page) => {
		const { repos } = await dataOf(page);
		const sorted = (key) => [...repos].sort((a, b) => b[key] - a[key]).map((repo) => repo.label);
		const order = (column) => page.run((i) => document.querySelectorAll("th")[i].getAttribute("aria-sort"), column);
		assert.deepEqual(await labels(page), sorted("on_disk"));
		assert.equal(await order(1), "descending");
		await page.click("th:nth-child(3) button");
		assert.deepEqual(await labels(page), sorted("unique"));
		assert.deepEqual([await order(1), await order(2)], ["none", "descending"]);
		await page.click("th:nth-child(3) button");
		assert.deepEqual(await labels(page), sorted("unique").reverse());
		assert.equal(await order(2), "ascending");
		await page.click("th:first-child button");
		assert.deepEqual(await labels(page), repos.map((repo) => repo.label).sort());
	});

	await passes("the mouse zooms in, by a folder's cell at once, and out by the trail", page, laptop, async (page) => {
		await page.hover("#map button.cell");
		assert.equal(await page.run(() => document.getElementById("hint").hidden), false);
		await page.picture(join(pictures, "hint.png"));
		await page.click("#map div.cell.opens");
		assert.match(await trail(page), /^Cache›[^›]+›[^›]+$/);
		await page.picture(join(pictures, "zoomed.png"));
		await page.click("#trail button");
		assert.equal(await trail(page), "Cache");
		await page.click("#rows td:first-child button");
		assert.equal(await trail(page), `Cache›${(await labels(page))[0]}`);
	});

	await passes("the keyboard reaches everything", page, laptop, async (page) => {
		await tabTo(page, "#map .cell");
		const first = await focused(page);
		await page.picture(join(pictures, "focus.png"));
		await page.press("ArrowRight");
		const second = await focused(page);
		assert.notEqual(second, first);
		await page.press("ArrowLeft");
		assert.equal(await focused(page), first);
		await page.press("Enter");
		assert.equal(await trail(page), `Cache›${first.split(",")[0]}`);
		assert.notEqual(await focused(page), first);
		await page.press("Escape");
		assert.equal(await trail(page), "Cache");
		assert.equal(await focused(page), first);
		await page.press("Tab");
		assert.ok(await page.run(() => document.activeElement.matches("th button")), "the map is one stop of Tab");
		await page.press("Enter");
		assert.equal(await page.run(() => document.querySelector("th").getAttribute("aria-sort")), "ascending");
	});

	await passes("names from the disk are text, whatever they look like", page, laptop, async (page) => {
		const label = `space/acme/${hostile}`;
		assert.ok((await labels(page)).includes(label));
		const count = (selector) => page.run((s) => document.querySelectorAll(s).length, selector);
		await openCell(page, "space/acme/<img");
		await openCell(page, "</");
		assert.equal(await trail(page), `Cache›${label}›</`);
		const file = await page.run(() => document.querySelector("#map button").getAttribute("aria-label"));
		assert.ok(file.startsWith(hostilePath.slice(2)));
		assert.ok((await textOf(page, "#rows")).includes("</title><b>bold"));
		assert.deepEqual([await count("img"), await count("script"), await count("b")], [0, 2, 0]);
	});

	for (const [name, screen] of Object.entries({
		laptop, "laptop-dark": { ...laptop, features: dark }, phone, "phone-dark": { ...phone, features: dark },
	})) {
		await passes(`${name}: nothing is too wide, all text stands out`, page, screen, async (page) => {
			assert.equal(await overflow(page), 0);
			assert.deepEqual(await faintTexts(page), []);
			await page.picture(join(pictures, `${name}.png`));
			await page.picture(join(pictures, `${name}-whole.png`), { whole: true });
			await page.run(() => document.querySelector("input[value=age]").click());
			assert.deepEqual(await faintTexts(page), []);
			await page.picture(join(pictures, `${name}-age.png`));
		});
	}

	await passes("a finger zooms, sees what a file is, and sorts", page, phone, async (page) => {
		await page.tap(cellNamed("model/other/twin"));
		assert.equal(await trail(page), "Cache›model/other/twin›unet/");
		await page.tap("#map button.cell");
		assert.match(await textOf(page, "#hint"), /^weights\.safetensors6\.0M on disk/);
		await page.tap("#trail button");
		assert.equal(await trail(page), "Cache");
		await page.run(() => {
			const select = document.getElementById("sort");
			select.value = "label";
			select.dispatchEvent(new Event("change"));
		});
		assert.equal((await labels(page))[0], "dataset/acme/rows");
		assert.equal(await overflow(page), 0);
	});

	await passes("on paper it is no wider than the sheet", page, { width: 794, height: 1123 }, async (page) => {
		await page.call("Emulation.setEmulatedMedia", { media: "print" });
		assert.equal(await overflow(page), 0);
		assert.ok((await page.call("Page.printToPDF", { printBackground: true })).data.length > 10_000);
		await page.picture(join(pictures, "print.png"), { whole: true });
	});

	await passes("an empty cache says so", report("empty", () => {}), laptop, async (page) => {
		assert.equal(await page.run(() => document.getElementById("empty").hidden), false);
		assert.equal(await page.run(() => document.getElementById("filled").hidden), true);
		await page.picture(join(pictures, "empty.png"));
	});

	const largePage = report("large", large);
	assert.ok(statSync(largePage).size < 3_000_000);

	for (const [name, screen] of Object.entries({ laptop, phone })) {
		await passes(`2,000 repos are quick to draw, to search and to sort: ${name}`, largePage, screen, async (page) => {
			const took = await page.run(() => {
				const started = performance.now();
				for (const text of ["r", "repo-1", "repo-19 part-1", ""]) {
					document.getElementById("search").value = text;
					document.getElementById("search").dispatchEvent(new Event("input"));
				}
				document.querySelector("th:nth-child(4) button").click();
				return performance.now() - started;
			});
			assert.ok(took < 2500, `${took} ms for five redraws`);
			assert.equal((await labels(page)).length, 100);
			await page.click("#more-rows");
			assert.equal((await labels(page)).length, 2000);
			assert.equal(await overflow(page), 0);
			await page.picture(join(pictures, `large-${name}.png`));
			await page.click("#rows tr:last-child button");
			assert.ok((await trail(page)).endsWith((await labels(page)).at(-1)), "the smallest repo can be shown, too");
		});
	}

	await passes("the policy lets no other script run and nothing load", page, laptop, async (page) => {
		const blocked = await page.run(async () => {
			const script = document.createElement("script");
			script.textContent = "document.title = 'ran'";
			document.body.append(script);
			const loaded = await fetch("data:,x").then(() => true, () => false);
			return document.title !== "ran" && !loaded;
		});
		assert.ok(blocked);
		assert.ok(page.complaints.length > 0);
		page.complaints.length = 0;
		page.requests.length = 1;
	});
}

try {
	await checks();
} finally {
	await browser.close();
}
