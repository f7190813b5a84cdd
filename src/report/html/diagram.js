// The diagram: one row for each event, lanes on the left of its text, time downwards. Where nothing
// happens, time is compressed: a gap grows with the logarithm of its length. Only what can be seen
// is drawn, so a run of thousands of events scrolls as a short one does.

const ROW = 22;
const TIME = 108;
const SLOT = 8;
const MOST_SLOTS = 8;
const MARGIN = 400;

const scroll = document.getElementById("scroll");
const canvas = document.getElementById("canvas");
const svg = document.getElementById("diagram");
const list = document.getElementById("rows");
const heads = document.getElementById("heads");

const layout = { shown: [], place: new Map(), tops: [], height: 0, lanes: [], width: 0 };
let whole = false;

/** An element, its attributes and children. Text is always text, never markup. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== ""));
  return element;
}

/** Replaces what is in an element. What has the focus in it keeps it, under its `data-key`. */
function redraw(element, ...parts) {
  const held = element.contains(document.activeElement) ? document.activeElement : null;
  element.replaceChildren(...parts);
  if (!held) return;
  const again = [...element.querySelectorAll("[data-key]")].find((one) => one.dataset.key === held.dataset.key);
  (again ?? list).focus({ preventScroll: true });
}

function shape(name, attributes, title) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (title) {
    const label = document.createElementNS("http://www.w3.org/2000/svg", "title");
    label.textContent = title;
    element.append(label);
  }
  return element;
}

/** The class of a state: `PROCESSING_READY` is `processing-ready`. */
function stateClass(band, state) {
  const name = state.toLowerCase().replaceAll(/[_ ]/g, "-");
  return band.kind === "machine" ? name : `life-${name}`;
}

/** Machines side by side: each band takes the first slot that is free while it lasts. */
function slots(bands) {
  const free = [];
  return bands.map((band) => {
    const from = band.segments[0].from;
    let slot = free.findIndex((until) => until <= from);
    if (slot < 0) slot = free.length;
    free[slot] = band.until ?? Infinity;
    return slot;
  });
}

/** The layout: what is shown, and where. */
function arrange(shown = [...events.keys()].filter((index) => filter.lets(index))) {
  layout.shown = shown;
  layout.place = new Map(shown.map((index, place) => [index, place]));
  layout.tops = [];
  layout.gaps = [];
  let y = 6;
  shown.forEach((index, place) => {
    const gap = place === 0 ? 0 : events[index].time_ns - events[shown[place - 1]].time_ns;
    const extra = gap < 1e6 ? 0 : Math.min(46, Math.round(4 * Math.log2(1 + gap / 1e6)));
    y += extra;
    layout.gaps.push(extra >= 18 ? gap : 0);
    layout.tops.push(y);
    y += ROW;
  });
  layout.height = y + 12;
  canvas.style.height = `${layout.height}px`;
  arrangeLanes();
}

/** Lanes in which nothing that is shown happens take no room. */
function arrangeLanes() {
  const used = usedLanes();
  const bands = run.bands.filter((band) => band.kind === "machine" && inConnection(band));
  const room = Math.max(320, scroll.clientWidth * 0.54) - TIME;
  const width = Math.max(30, Math.min(66, room / (used.size + 1.5)));
  let x = TIME;
  layout.machines = new Map();
  layout.lanes = run.lanes.map((lane, number) => {
    if (!used.has(number)) return { x, left: x, width: 0, used: false };
    const own = bands.filter((band) => band.lane === number);
    const taken = slots(own);
    own.forEach((band, at) => {
      if (taken[at] < MOST_SLOTS) layout.machines.set(band, taken[at]);
    });
    const most = Math.min(MOST_SLOTS, Math.max(0, ...taken.map((slot) => slot + 1)));
    const place = { x: x + width / 2, left: x, width: width + most * SLOT, used: true };
    x += place.width;
    return place;
  });
  layout.width = x + 14;
}

function usedLanes() {
  const used = new Set(filter.hiddenLanes);
  for (const index of layout.shown) used.add(events[index].lane);
  for (const fault of run.faults) for (const lane of fault.lanes) used.add(lane);
  for (const { from, to, from_lane, to_lane } of run.arrows) {
    if (isShown(from) || isShown(to)) used.add(from_lane).add(to_lane);
  }
  for (const { from, to, lane, service_lane } of run.calls) {
    if (isShown(from) || isShown(to)) used.add(lane).add(service_lane);
  }
  used.delete(undefined);
  return used;
}

function isShown(number) {
  return number !== undefined && layout.place.has(indexOf(number));
}

function inConnection(band) {
  return !filter.connection || band.socket === undefined || band.socket === filter.connection;
}

/** The middle of an event's row; of one that is not shown, the edge of the next row. */
function yOf(number) {
  const index = indexOf(number);
  const place = layout.place.get(index);
  if (place !== undefined) return layout.tops[place] + ROW / 2;
  return edge((event) => event.number >= number);
}

function yOfTime(ns) {
  return edge((event) => event.time_ns >= ns);
}

function edge(reached) {
  let low = 0, high = layout.shown.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (reached(events[layout.shown[middle]])) high = middle; else low = middle + 1;
  }
  return low < layout.shown.length ? layout.tops[low] : layout.height;
}

function drawHeads() {
  let single = 0;
  const titles = run.lanes.flatMap((lane, number) => {
    if (!layout.lanes[number].used) return [];
    const shown = !filter.hiddenLanes.has(number);
    // Long names over narrow lanes: every other one stands higher.
    const words = title(lane, layout.lanes[number].width).split(" ");
    const high = words.length === 1 && (single += 1) % 2 === 0 && (lane.kind === "service" || words[0].length > 3);
    const head = make("button", {
      type: "button", class: high ? "high" : undefined,
      "aria-pressed": String(shown),
      "data-key": lane.name,
      title: `${shown ? "Hide" : "Show"} the events of ${spaced(lane.name)}`,
      style: `left: ${layout.lanes[number].x}px`,
    });
    words.forEach((word, at) => head.append(...(at ? [make("br"), word] : [word])));
    head.addEventListener("click", () => {
      if (!filter.hiddenLanes.delete(number)) filter.hiddenLanes.add(number);
      refresh();
    });
    return head;
  });
  redraw(heads,
    make("span", { style: "left: 6px" }, "time (s)"),
    ...titles,
    make("span", { style: `left: ${layout.width + 4}px` }, "event"),
  );
}

/** With many clients there is no room for `client 3`; then it is `c3`, as in `c3#1`. */
function title(lane, width) {
  return lane.kind === "client" && width < 46 ? lane.name.replace("client", "c") : spaced(lane.name);
}

/** Draws what can be seen, and a little more on either side. */
function draw() {
  svg.setAttribute("width", layout.width);
  svg.setAttribute("height", layout.height);
  const top = whole ? 0 : scroll.scrollTop - MARGIN;
  const bottom = whole ? layout.height : scroll.scrollTop + scroll.clientHeight + MARGIN;
  const seen = (a, b) => Math.min(a, b) <= bottom && Math.max(a, b) >= top;
  svg.replaceChildren(
    definitions(),
    ...drawFaults(seen),
    ...drawLanes(),
    ...drawBands(seen),
    ...drawCalls(seen),
    ...drawArrows(seen),
    ...drawPair(seen),
    ...drawDots(top, bottom),
  );
  drawRows(top, bottom);
}

function definitions() {
  const all = shape("defs", {});
  const head = shape("marker", {
    id: "head", viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 6.5, markerHeight: 6.5, orient: "auto-start-reverse",
  });
  head.append(shape("path", { class: "head", d: "M0 0.8 8 4 0 7.2z" }));
  const hatch = shape("pattern", {
    id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)",
  });
  hatch.append(shape("line", { class: "hatching", x1: 0, y1: 0, x2: 0, y2: 7 }));
  all.append(head, hatch);
  return all;
}

function drawLanes() {
  return layout.lanes.filter(({ used }) => used).map(({ x }) => shape("line", { class: "lane", x1: x, x2: x, y1: 0, y2: layout.height }));
}

function drawFaults(seen) {
  return run.faults.flatMap((fault) => {
    const from = yOf(fault.event);
    const until = fault.until_ns === undefined ? from + 3 : Math.max(from + 3, yOfTime(fault.until_ns));
    if (!seen(from, until)) return [];
    return fault.lanes.map((lane) => {
      const { left, width } = layout.lanes[lane];
      return shape("rect", { class: "faulted", x: left + 2, width: width - 4, y: from, height: until - from, rx: 3 });
    });
  });
}

function drawBands(seen) {
  return run.bands.filter(inConnection).flatMap((band) => {
    const slot = layout.machines.get(band);
    if (band.kind === "machine" && slot === undefined) return [];
    const { x, used } = layout.lanes[band.lane];
    if (!used) return [];
    const end = band.until === undefined ? layout.height : yOf(band.until);
    const strip = band.kind === "machine"
      ? { x: x + 12 + slot * SLOT, width: SLOT - 2 }
      : { x: x - 2.5, width: 5 };
    const near = band.socket !== undefined && band.socket === events[current]?.socket ? " near" : "";
    return band.segments.flatMap((segment, at) => {
      const from = yOf(segment.from);
      const until = at + 1 < band.segments.length ? yOf(band.segments[at + 1].from) : end;
      if (until <= from || !seen(from, until)) return [];
      const kind = stateClass(band, segment.state) + (band.kind === "machine" ? near : "");
      return [shape("rect", { class: `band ${kind}`, ...strip, y: from, height: until - from, rx: 1.5 })];
    });
  });
}

/** A call and its answer: the service is busy in between. */
function drawCalls(seen) {
  return run.calls.flatMap((call) => {
    if (!isShown(call.from) && !isShown(call.to)) return [];
    const from = yOf(call.from), to = call.to === undefined ? from : yOf(call.to);
    if (!seen(from, to)) return [];
    const here = layout.lanes[call.lane].x, there = layout.lanes[call.service_lane].x;
    const kind = call.ok ? "call" : "call unanswered";
    const lines = [shape("path", { class: kind, d: `M${here} ${from}H${there - 4}`, "marker-end": "url(#head)" })];
    if (call.to !== undefined) {
      lines.push(shape("rect", { class: "busy", x: there - 3, width: 6, y: from, height: Math.max(2, to - from), rx: 2 }));
      lines.push(shape("path", { class: kind, d: `M${there} ${to}H${here + 5}`, "marker-end": "url(#head)" }));
    }
    return lines;
  });
}

/** An arrow whose receiver is missing ends half-way, with a cross. */
function drawArrows(seen) {
  return run.arrows.flatMap((arrow) => {
    if (!isShown(arrow.from) && !isShown(arrow.to)) return [];
    const near = (parcelsAt.get(current) ?? []).includes(arrow) ? " near" : "";
    const x1 = layout.lanes[arrow.from_lane].x, x2 = layout.lanes[arrow.to_lane].x;
    const y1 = yOf(arrow.from);
    if (arrow.to === undefined) {
      const x = (x1 + x2) / 2, y = y1 + 10;
      if (!seen(y1, y)) return [];
      const cross = `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`;
      return [shape("path", { class: `arrow lost${near}`, d: `M${x1} ${y1}L${x} ${y}${cross}` })];
    }
    const y2 = yOf(arrow.to);
    if (!seen(y1, y2)) return [];
    const shorter = 6 / Math.max(1, Math.hypot(x2 - x1, y2 - y1));
    const d = `M${x1} ${y1}L${x2 - (x2 - x1) * shorter} ${y2 - (y2 - y1) * shorter}`;
    return [shape("path", { class: `arrow ${arrow.kind}${near}`, d, "marker-end": "url(#head)" })];
  });
}

/** The two steps whose order decides. */
function drawPair(seen) {
  if (race.length < 2) return [];
  const [first, second] = race.map((index) => yOf(events[index].number));
  if (!seen(first, second)) return [];
  const x = TIME - 8;
  return [shape("path", { class: "pair", d: `M${x + 6} ${first}H${x}V${second}H${x + 6}` })];
}

function drawDots(top, bottom) {
  const dots = [];
  for (const [place, index] of layout.shown.entries()) {
    const y = layout.tops[place] + ROW / 2;
    if (y < top || y > bottom) continue;
    const event = events[index];
    if (event.lane === undefined) continue;
    const { x } = layout.lanes[event.lane];
    if (violationsAt.has(index)) dots.push(shape("circle", { class: "dot broken", cx: x, cy: y, r: 6.5 }));
    else if (faultsAt.has(index)) dots.push(shape("path", { class: "dot fault", d: `M${x} ${y - 6}l6 6-6 6-6-6z` }));
    else dots.push(shape("circle", { class: `dot ${event.prominence}`, cx: x, cy: y, r: event.prominence === "routine" ? 2.5 : 3.5 }));
  }
  return dots;
}

function drawRows(top, bottom) {
  const drawn = [];
  for (const [place, index] of layout.shown.entries()) {
    const y = layout.tops[place];
    if (y < top - ROW || y > bottom) continue;
    drawn.push(rowOf(index, place, y));
  }
  list.replaceChildren(...drawn);
}

function rowOf(index, place, y) {
  const event = events[index];
  const broken = violationsAt.get(index) ?? [];
  const kinds = [
    "row", event.prominence,
    faultsAt.has(index) && "fault", broken.length && "broken", race.includes(index) && "race",
    index === current && "chosen", found.has(index) && "hit",
  ].filter(Boolean);
  const before = place > 0 ? events[layout.shown[place - 1]] : undefined;
  const time = make("span", { class: "time" }, before?.time_ns === event.time_ns ? "" : seconds(event.time_ns));
  if (layout.gaps[place]) time.append(make("span", { class: "gap" }, `+ ${duration(layout.gaps[place])}`));
  const tags = broken.slice(0, 1).map((violation) => make("span", { class: "tag" }, violation.invariant));
  if (broken.length > 1) tags.push(make("span", { class: "tag" }, `+${broken.length - 1}`));
  if (race.includes(index)) tags.push(make("span", { class: "tag race" }, race[0] === index ? "first" : "second"));
  return make("div", {
    id: `event-${event.number}`, class: kinds.join(" "), role: "option", style: `top: ${y}px`, "data-index": index,
    "aria-selected": String(index === current), "aria-setsize": layout.shown.length, "aria-posinset": place + 1,
    title: `#${event.number}  ${event.text}`,
  }, time, make("span", { style: `width: ${layout.width - TIME + 4}px; flex: none` }), ...tags,
    make("span", { class: "text" }, ...marked(event.text)));
}

/** A text with the words of the search marked. */
function marked(text) {
  const at = wanted ? text.toLowerCase().indexOf(wanted) : -1;
  if (at < 0) return [text];
  return [text.slice(0, at), make("mark", {}, text.slice(at, at + wanted.length)), text.slice(at + wanted.length)];
}

/** Scrolls to the chosen event, with the events that led to it above. */
function reveal(always) {
  const place = layout.place.get(current);
  if (place === undefined) return;
  const y = layout.tops[place];
  const above = y < scroll.scrollTop + 40, below = y > scroll.scrollTop + scroll.clientHeight - 60;
  if (always || above || below) scroll.scrollTop = y - scroll.clientHeight * (always ? 0.38 : above ? 0.3 : 0.7);
}
