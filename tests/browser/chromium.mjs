// Drives a headless Chromium over its debugging pipe: Chrome DevTools Protocol, without a package.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";

export class Chromium {
	#child;
	#calls = new Map();
	#listeners = new Map();
	#last = 0;

	// `profile` is a folder of its own.
	constructor(program, profile) {
		const options = ["--headless=new", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage"];
		options.push("--hide-scrollbars");
		// Chromium refuses to run its sandbox as root.
		if (process.getuid() === 0) options.push("--no-sandbox");
		options.push("--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank");
		this.#child = spawn(program, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
		let rest = "";
		this.#child.stdio[4].setEncoding("utf8").on("data", (text) => {
			const messages = (rest + text).split("\0");
			rest = messages.pop();
			messages.forEach((message) => this.#take(JSON.parse(message)));
		});
		this.#child.once("exit", () => this.#end(new Error("Chromium ended")));
		this.#child.once("error", (failure) => this.#end(failure));
		this.#child.stdio[3].on("error", (failure) => this.#end(failure));
	}

	#end(failure) {
		for (const { reject } of this.#calls.values()) reject(failure);
		this.#calls.clear();
	}

	#take({ id, sessionId, method, params, result, error }) {
		if (id === undefined) {
			this.#listeners.get(sessionId)?.(method, params);
			return;
		}
		const { resolve, reject } = this.#calls.get(id);
		this.#calls.delete(id);
		if (error) reject(new Error(error.message));
		else resolve(result);
	}

	call(method, params = {}, sessionId = undefined) {
		const id = ++this.#last;
		this.#child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
		return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
	}

	// Opens `url` in a tab of `width` by `height` pixels. `features`: media features, such as a dark colour scheme.
	async open(url, { width, height, touch = false, features = [] }) {
		const { targetId } = await this.call("Target.createTarget", { url: "about:blank" });
		const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
		const page = new Page(this, sessionId, targetId);
		this.#listeners.set(sessionId, (method, params) => page.take(method, params));
		await Promise.all(["Page", "Runtime", "Log", "Network"].map((domain) => page.call(`${domain}.enable`)));
		await page.call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: touch });
		await page.call("Emulation.setTouchEmulationEnabled", { enabled: touch });
		await page.call("Emulation.setEmulatedMedia", { features });
		const loaded = page.until("Page.loadEventFired");
		await page.call("Page.navigate", { url });
		await loaded;
		return page;
	}

	async close() {
		const ended = once(this.#child, "exit");
		this.call("Browser.close").catch(() => {});
		await ended;
	}
}

class Page {
	complaints = []; // What the console and the policy had to say.
	requests = [];   // URLs, the page's own included.
	#waiting = new Map();

	constructor(browser, session, target) {
		Object.assign(this, { browser, session, target });
	}

	call(method, params) {
		return this.browser.call(method, params, this.session);
	}

	until(method) {
		return new Promise((resolve) => this.#waiting.set(method, resolve));
	}

	take(method, params) {
		this.#waiting.get(method)?.(params);
		if (method === "Runtime.exceptionThrown") this.complaints.push(params.exceptionDetails.exception?.description);
		if (method === "Runtime.consoleAPICalled") this.complaints.push(params.args.map(({ value }) => value).join(" "));
		if (method === "Log.entryAdded") this.complaints.push(params.entry.text);
		if (method === "Page.javascriptDialogOpening") this.complaints.push(`dialog: ${params.message}`);
		if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
	}

	// Calls `f` in the page with JSON arguments; returns what it returns.
	async run(f, ...args) {
		const expression = `(${f})(...${JSON.stringify(args)})`;
		const options = { expression, returnByValue: true, awaitPromise: true };
		const { result, exceptionDetails } = await this.call("Runtime.evaluate", options);
		if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
		return result.value;
	}

	async type(text) {
		await this.call("Input.insertText", { text });
	}

	async press(key) {
		const codes = { Tab: 9, Enter: 13, Escape: 27, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40 };
		const event = { key, code: key, windowsVirtualKeyCode: codes[key], text: key === "Enter" ? "\r" : undefined };
		await this.call("Input.dispatchKeyEvent", { type: "keyDown", ...event });
		await this.call("Input.dispatchKeyEvent", { type: "keyUp", ...event });
	}

	// The centre of the first element that `selector` matches, scrolled into view.
	#centre(selector) {
		return this.run((wanted) => {
			const element = document.querySelector(wanted);
			element.scrollIntoView({ block: "center" });
			const { left, top, width, height } = element.getBoundingClientRect();
			return { x: left + width / 2, y: top + height / 2 };
		}, selector);
	}

	async hover(selector) {
		await this.call("Input.dispatchMouseEvent", { type: "mouseMoved", ...(await this.#centre(selector)) });
	}

	async click(selector) {
		const at = { ...(await this.#centre(selector)), button: "left", clickCount: 1 };
		await this.call("Input.dispatchMouseEvent", { type: "mousePressed", ...at });
		await this.call("Input.dispatchMouseEvent", { type: "mouseReleased", ...at });
	}

	async tap(selector) {
		const at = await this.#centre(selector);
		await this.call("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [at] });
		await this.call("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
	}

	// A PNG of what is on view, or of the whole page.
	async picture(file, { whole = false } = {}) {
		const { data } = await this.call("Page.captureScreenshot", { captureBeyondViewport: whole });
		writeFileSync(file, data, "base64");
	}

	async close() {
		await this.browser.call("Target.closeTarget", { targetId: this.target });
	}
}
