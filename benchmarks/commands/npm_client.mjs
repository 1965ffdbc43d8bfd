// @huggingface/hub downloads a repo into a cache, and prints where: node npm_client.mjs NPM_FOLDER ENDPOINT REPO CACHE
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, hubUrl, repo, cacheDir] = process.argv.slice(2);
const client = createRequire(join(folder, "package.json"))("@huggingface/hub");
// It tells console.debug of each file.
console.debug = () => {};
console.log(await client.snapshotDownload({ repo, hubUrl, cacheDir }));
