// The rules by which Hugging Face's Python client scans a cache (`hf cache ls`), as far as they warn. Unlike
// @huggingface/hub's scan they look into sub-folders and nested refs.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const ignored = new Set([".locks", "CACHEDIR.TAG", ".DS_Store", "Thumbs.db", "desktop.ini"]);

const isFolder = (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

// All files below `folder`, links followed: paths relative to it.
function filesBelow(folder, prefix = "") {
	return readdirSync(join(folder, prefix)).flatMap((name) => {
		const path = join(prefix, name);
		return isFolder(join(folder, path)) ? filesBelow(folder, path) : [path];
	});
}

function complaintAbout(repo, name) {
	if (!isFolder(repo)) return "is not a folder";
	if (!name.includes("--")) return "is not named like a repo";
	if (!["models", "datasets", "spaces"].includes(name.split("--")[0])) return "has an unknown type";
	const snapshots = join(repo, "snapshots");
	if (!isFolder(snapshots)) return "has no snapshots";
	for (const commit of readdirSync(snapshots)) {
		if (ignored.has(commit)) continue;
		const snapshot = join(snapshots, commit);
		if (!isFolder(snapshot)) return `has a file among its snapshots: ${commit}`;
		const broken = filesBelow(snapshot).find((file) => !statSync(join(snapshot, file), { throwIfNoEntry: false }));
		if (broken) return `has a broken link: ${commit}/${broken}`;
	}
	const refs = join(repo, "refs");
	if (isFolder(refs)) {
		// The text as it stands: a newline at its end would be part of the name.
		const dangling = filesBelow(refs).find((ref) => !isFolder(join(snapshots, readFileSync(join(refs, ref), "utf8"))));
		if (dangling) return `has a ref to a missing snapshot: ${dangling}`;
	} else if (statSync(refs, { throwIfNoEntry: false })) {
		return "has a file in place of its refs";
	}
	return null;
}

/** What the scan would warn about: one line for each entry of `cache` that it would skip. */
export function warningsOf(cache) {
	return readdirSync(cache)
		.filter((name) => !ignored.has(name))
		.map((name) => [name, complaintAbout(join(cache, name), name)])
		.filter(([, complaint]) => complaint)
		.map(([name, complaint]) => `${name} ${complaint}`);
}
