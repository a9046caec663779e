"use strict";
// The page works without this. It lets the times tick between two refreshes, refreshes without a flicker, and says so when
// ccxwatch no longer answers: a page that stands still must not look like quiet.

const REFRESH_MS = 5000;
const page = () => document.getElementById("page");
let answeredAt = Date.now();
// The server's clock decides, not this machine's.
let ahead = Date.parse(page().dataset.now) - Date.now();

function span(seconds) {
  const pad = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  if (seconds >= 172800) return `${Math.floor(seconds / 86400)} days`;
  if (seconds >= 86400) return `1 day ${hours} h`;
  if (seconds >= 3600) return `${hours} h ${pad(minutes)} min`;
  if (seconds >= 60) return `${minutes} min ${pad(seconds % 60)} s`;
  return `${Math.max(0, seconds)} s`;
}

function tick() {
  const now = Date.now() + ahead;
  for (const time of document.querySelectorAll("time[data-tick]")) {
    const left = Math.floor((Date.parse(time.dateTime) - now) / 1000);
    if (time.dataset.tick === "for") time.textContent = span(-left);
    else if (time.dataset.tick === "ago" || left < 0) time.textContent = `${span(-left)} ago`;
    else time.textContent = span(left);
  }
}

function stale(answered) {
  const notice = document.getElementById("stale");
  notice.hidden = answered;
  if (!answered) notice.textContent = `ccxwatch has not answered for ${span(Math.floor((Date.now() - answeredAt) / 1000))}: what you see is old.`;
}

async function refresh() {
  try {
    const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(REFRESH_MS) });
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const open = new Set([...document.querySelectorAll("details[open] code")].map((code) => code.textContent));
    for (const details of fresh.querySelectorAll("details")) details.open = open.has(details.querySelector("code").textContent);
    answeredAt = Date.now();
    // Somebody who is marking text to copy it must not lose the mark.
    if (getSelection().isCollapsed) {
      page().replaceWith(document.adoptNode(fresh.getElementById("page")));
      ahead = Date.parse(page().dataset.now) - Date.now();
      document.title = fresh.title;
      tick();
    }
    stale(true);
  } catch {
    stale(false);
  }
  setTimeout(refresh, REFRESH_MS);
}

setInterval(tick, 1000);
setTimeout(refresh, REFRESH_MS);
