/** Pictures of each view of the console: `node test/browser/screenshots.ts FOLDER`. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { startBrowser } from "../support/browser.ts";
import { busyWorld, ConsoleWorld, serveConsole } from "../support/console-world.ts";

const views: Readonly<Record<string, string>> = {
  decisions: "#/decisions",
  filtered: "#/decisions?client=2001&verdict=defer",
  earlier: "#/decisions?earlier=1&client=2001",
  explain: "#/explain?client=192.0.2.1&helo=mx.client.example&from=alice%40client.example&to=john%40example.org%0Anobody%40example.org",
  greylist: "#/greylist",
  refused: "#/refused",
  throttles: "#/throttles",
  calls: "#/calls",
  sources: "#/sources",
  address: "#/address?address=john%40example.org",
  configuration: "#/configuration",
};
const looks = [
  { look: "light", width: 1280, height: 860, scheme: "light" },
  { look: "dark", width: 1280, height: 860, scheme: "dark" },
  { look: "narrow", width: 390, height: 844, scheme: "light" },
] as const;

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("the folder for the pictures is missing");
mkdirSync(folder, { recursive: true });
const world = busyWorld(Date.now());
world.keepSeconds = 7 * 86_400;
const busy = await serveConsole(world);
const fresh = await serveConsole(new ConsoleWorld(Date.now()));
const browser = await startBrowser();
try {
  for (const { look, width, height, scheme } of looks) {
    const page = await browser.newPage();
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    const take = async (name: string) => {
      await page.waitForSelector("main > :nth-child(2)");
      await page.waitForNetworkIdle({ idleTime: 150, concurrency: 1 });
      await page.screenshot({ path: join(folder, `${name}-${look}.png`) });
    };
    for (const [name, place] of Object.entries(views)) {
      await page.goto(busy.url + place);
      await take(name);
    }
    await page.goto(`${busy.url}#/decisions?reason=unknown-mailbox`);
    await page.waitForSelector("button.row");
    await page.click("li:nth-child(3) button.row");
    await page.waitForSelector(".step");
    await take("decision");
    await page.goto(`${busy.url}#/greylist`);
    await page.waitForSelector("td button");
    await page.click("td button");
    await take("confirm");
    await page.goto(`${fresh.url}#/decisions`);
    await take("empty");
    await page.close();
  }
} finally {
  await browser.close();
  await Promise.all([busy.close(), fresh.close()]);
}
