// The service worker: keeps the page's files in the browser, so that it opens with the network off.
// It asks the server for each file first. If the server does not answer, it takes the kept copy.
// The build writes these two lines: all files, and a name for exactly this state of them.
const FILES = ["./"];
const VERSION = "unbuilt";

// Other pages of the same site keep theirs under other names.
const OWN = `${self.registration.scope} `;
const KEPT = OWN + VERSION;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  const wanted = FILES.map((name) => new Request(name, { cache: "no-cache" }));
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(wanted)));
});

self.addEventListener("activate", (event) => event.waitUntil(tidy()));

async function tidy() {
  const old = (await caches.keys()).filter((name) => name.startsWith(OWN) && name !== KEPT);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(self.registration.scope)) {
    event.respondWith(fetch(request).catch(() => kept(request)));
  }
});

async function kept(request) {
  const cache = await caches.open(KEPT);
  return (await cache.match(request, { ignoreSearch: true })) ?? Response.error();
}
