// Navigation: the chosen event, keys, controls.

const by = (id) => document.getElementById(id);
let current = run.focus === undefined ? 0 : indexOf(run.focus);
let wanted = "";
let found = new Set();

/** Chooses an event. `always` scrolls to it even if it can be seen. */
function choose(index, always = false) {
  current = Math.max(0, Math.min(events.length - 1, index));
  if (!layout.place.has(current)) setLevel("all");
  reveal(always);
  show();
  // The diagram may reach below the edge of the window.
  by(`event-${events[current].number}`)?.scrollIntoView({ block: "nearest" });
}

function show() {
  draw();
  drawPanels();
  const event = events[current];
  const place = layout.place.get(current) ?? 0;
  by("scrubber").max = layout.shown.length - 1;
  by("scrubber").value = place;
  by("scrubber").setAttribute("aria-valuetext", `event ${event.number}: ${event.text}`);
  by("position").textContent = `#${event.number} of ${run.last} · ${seconds(event.time_ns)} s`;
  by("spoken").textContent = `${seconds(event.time_ns)} s: ${event.text}`;
  list.setAttribute("aria-activedescendant", `event-${event.number}`);
  history.replaceState(null, "", `#${event.number}`);
}

/** After the filter has changed: the chosen event stays, or the nearest before it is chosen. */
function refresh() {
  arrange();
  if (!layout.place.has(current)) {
    current = layout.shown.findLast((index) => index <= current) ?? layout.shown[0] ?? 0;
  }
  drawHeads();
  drawOverview();
  reveal(true);
  show();
}

function setLevel(level) {
  filter.level = level;
  for (const radio of document.getElementsByName("level")) radio.checked = radio.value === level;
  // What is chosen must be seen.
  if (level === "all" && !filter.lets(current)) {
    filter.hiddenLanes.clear();
    filter.connection = "";
    by("connection").value = "";
  }
  refresh();
}

/** Steps among the events that are shown. */
function step(far) {
  const place = (layout.place.get(current) ?? 0) + far;
  const index = layout.shown[Math.max(0, Math.min(layout.shown.length - 1, place))];
  if (index !== undefined) choose(index);
}

function nextViolation() {
  const all = [...violationsAt.keys()];
  if (all.length) choose(all.find((index) => index > current) ?? all[0], true);
}

/** The marks of violations, faults and the decisive pair on the slider. */
function drawOverview() {
  const last = Math.max(1, layout.shown.length - 1);
  const mark = (index, kind) => {
    const place = layout.place.get(index);
    return place === undefined ? [] : [make("i", { class: kind, style: `left: ${(100 * place) / last}%` })];
  };
  by("overview").replaceChildren(
    ...[...faultsAt.keys()].flatMap((index) => mark(index, "fault")),
    ...race.flatMap((index) => mark(index, "race")),
    ...[...violationsAt.keys()].flatMap((index) => mark(index, "broken")),
  );
}

// --- finding ------------------------------------------------------------------------------------

function find(text) {
  wanted = text.trim().toLowerCase();
  found = new Set(wanted ? [...events.keys()].filter((index) => events[index].text.toLowerCase().includes(wanted)) : []);
  by("found").textContent = wanted ? `${found.size} found` : "";
  const hits = [...found];
  if (hits.length && !found.has(current)) choose(hits.find((index) => index >= current) ?? hits[0], true);
  else draw();
}

function findNext(back) {
  const hits = [...found];
  if (!hits.length) return;
  const next = back
    ? hits.findLast((index) => index < current) ?? hits.at(-1)
    : hits.find((index) => index > current) ?? hits[0];
  choose(next, true);
}

by("find").addEventListener("input", () => find(by("find").value));
by("find").addEventListener("keydown", (key) => {
  if (key.key === "Enter") findNext(key.shiftKey);
  if (key.key === "Escape") {
    by("find").value = "";
    find("");
    list.focus();
  }
});

// --- controls -----------------------------------------------------------------------------------

const themes = ["system", "light", "dark"];
function nextTheme() {
  const name = themes[(themes.indexOf(by("theme-name").textContent) + 1) % themes.length];
  by("theme-name").textContent = name;
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
}

/** Offline pages may not have a clipboard to write to; then the text is selected for copying. */
async function copy() {
  try {
    await navigator.clipboard.writeText(by("reproduce").textContent);
    by("copy").textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(by("reproduce"));
    by("copy").textContent = "Selected";
  }
  setTimeout(() => { by("copy").textContent = "Copy"; }, 1500);
}

by("theme").addEventListener("click", nextTheme);
by("copy").addEventListener("click", copy);
by("help-open").addEventListener("click", () => by("help").showModal());
by("first").addEventListener("click", () => step(-Infinity));
by("previous").addEventListener("click", () => step(-1));
by("next").addEventListener("click", () => step(1));
by("last").addEventListener("click", () => step(Infinity));
by("violation").addEventListener("click", nextViolation);
by("scrubber").addEventListener("input", () => choose(layout.shown[by("scrubber").valueAsNumber] ?? 0));
by("levels").addEventListener("change", (change) => setLevel(change.target.value));
by("connection").addEventListener("change", () => {
  filter.connection = by("connection").value;
  refresh();
});
document.addEventListener("click", (click) => {
  const jump = click.target.closest("[data-event]");
  if (jump) choose(indexOf(Number(jump.dataset.event)), true);
  const row = click.target.closest(".row");
  if (row) choose(Number(row.dataset.index));
});

document.addEventListener("keydown", (key) => {
  if (key.target.closest?.("input, select, textarea") || key.ctrlKey || key.metaKey || key.altKey) return;
  if (by("help").open || !events.length) return;
  const far = key.shiftKey ? 10 : 1;
  const actions = {
    ArrowDown: () => step(far), ArrowRight: () => step(far), ArrowUp: () => step(-far), ArrowLeft: () => step(-far),
    Home: () => step(-Infinity), End: () => step(Infinity),
    v: nextViolation, t: nextTheme, "/": () => by("find").focus(), "?": () => by("help").showModal(),
    s: () => slice && setLevel("slice"), n: () => setLevel("notable"), a: () => setLevel("all"),
  };
  const action = actions[key.key];
  if (!action) return;
  key.preventDefault();
  action();
});

let waiting = false;
scroll.addEventListener("scroll", () => {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
});
addEventListener("resize", () => {
  if (!events.length) return;
  arrange();
  drawHeads();
  draw();
});

// --- paper --------------------------------------------------------------------------------------

/** On paper: the events that led to the first violation, or those around it. */
addEventListener("beforeprint", () => {
  if (!events.length) return;
  const place = layout.place.get(current) ?? 0;
  const focus = slice
    ? [...events.keys()].filter((index) => slice.has(events[index].number) || violationsAt.has(index))
    : layout.shown.slice(Math.max(0, place - 45), place + 15);
  whole = true;
  arrange(focus);
  drawHeads();
  draw();
  by("plan").open = true;
});
addEventListener("afterprint", () => {
  whole = false;
  refresh();
});

// --- beginning ----------------------------------------------------------------------------------

function drawLegend() {
  const states = new Set(run.bands.filter((band) => band.kind === "machine").flatMap((band) => band.segments.map((segment) => segment.state)));
  by("legend").append(...[...states].map((name) => make("span", { class: name.toLowerCase().replaceAll("_", "-") }, name)));
}

function begin() {
  const sockets = new Set(events.map((event) => event.socket).filter(Boolean));
  by("connection").append(...[...sockets].sort().map((socket) => make("option", { value: socket }, socket)));
  if (!slice) for (const label of document.querySelectorAll(".slice-only")) label.hidden = true;
  if (!run.violations.length) by("violation").hidden = true;
  const asked = Number(location.hash.slice(1));
  if (location.hash.length > 1 && Number.isInteger(asked)) current = indexOf(asked);
  drawLegend();
  const opened = current;
  setLevel(filter.level);
  if (current !== opened) choose(opened, true);
}

// An address with another number, in a page that is open.
addEventListener("hashchange", () => {
  const asked = Number(location.hash.slice(1));
  if (location.hash.length > 1 && Number.isInteger(asked)) choose(indexOf(asked), true);
});

// A run that panicked has no trace.
if (events.length) begin();
else for (const part of document.querySelectorAll(".controls, .panes")) part.hidden = true;
