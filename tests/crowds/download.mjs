// One download by @huggingface/hub: node download.mjs FOLDER ENDPOINT REPO CACHE
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, hubUrl, repo, cacheDir] = process.argv.slice(2);
const client = createRequire(join(folder, "package.json"))("@huggingface/hub");
// The client tells console.debug of each file it downloads.
console.debug = () => {};
await client.snapshotDownload({ repo, cacheDir, hubUrl });
