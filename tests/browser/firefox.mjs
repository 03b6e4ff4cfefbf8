// Hands files to the page in Firefox, and prints what it writes: node firefox.mjs ADDRESS FIREFOX FILE...
import puppeteer from "puppeteer-core";

const [address, executablePath, ...files] = process.argv.slice(2);
const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
const page = await browser.newPage();
const errors = [], texts = [];
page.on("pageerror", (error) => errors.push(error.message));
await page.goto(address);
await page.waitForSelector("body[data-state=ready]", { timeout: 60_000 });
for (const file of files) {
  await page.evaluate(() => { document.body.dataset.state = "asked"; });
  await (await page.$("#file")).uploadFile(file);
  await page.waitForSelector("body[data-state=result], body[data-state=ready]", { timeout: 60_000 });
  texts.push(await page.$eval("#text", (element) => element.textContent));
}
console.log(JSON.stringify({ texts, errors, version: await browser.version() }));
await browser.close();
