// The run as data: its events, and the state of every actor at any of them. Nothing here draws.

const run = JSON.parse(document.getElementById("data").textContent);
const events = run.events;

const indexByNumber = new Map(events.map((event, index) => [event.number, index]));

/** The index of an event, or of the first one after it that is shown. */
function indexOf(number) {
  const index = indexByNumber.get(number);
  if (index !== undefined) return index;
  let low = 0, high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events[middle].number < number) low = middle + 1; else high = middle;
  }
  return Math.min(low, events.length - 1);
}

const violationsAt = new Map();
for (const violation of run.violations) {
  const index = indexOf(violation.event);
  violationsAt.set(index, [...(violationsAt.get(index) ?? []), violation]);
}
const faultsAt = new Map(run.faults.map((fault) => [indexOf(fault.event), fault]));
const slice = run.slice && new Set(run.slice);
const race = (run.race ?? []).map(indexOf);

/** What an event sent or received, by its index. */
const parcelsAt = new Map();
for (const arrow of run.arrows) {
  for (const number of [arrow.from, arrow.to]) {
    if (number === undefined) continue;
    const index = indexOf(number);
    parcelsAt.set(index, [...(parcelsAt.get(index) ?? []), arrow]);
  }
}

/**
 * The state of all actors at one event after another. Lines are kept in reading order; an event
 * changes a few of them. Going back takes the changes back, so each move costs what lies between.
 */
class State {
  constructor({ lines, before, changes }) {
    this.lines = lines;
    this.values = new Array(lines.length).fill(null);
    for (const [line, value] of before) this.values[line] = value;
    this.changes = new Map();
    const folded = [...this.values];
    for (const [number, changed] of changes) {
      this.changes.set(indexOf(number), changed.map(([line, after]) => {
        const change = { line, before: folded[line], after };
        folded[line] = after;
        return change;
      }));
    }
    this.index = -1;
  }

  /** The changes that one event made. */
  changed(index) {
    return this.changes.get(index) ?? [];
  }

  /** Moves to the state right after an event. */
  goTo(index) {
    while (this.index < index) {
      this.index += 1;
      for (const { line, after } of this.changed(this.index)) this.values[line] = after;
    }
    while (this.index > index) {
      for (const { line, before } of this.changed(this.index).toReversed()) this.values[line] = before;
      this.index -= 1;
    }
  }

  /** The lines that exist, by actor, in reading order. */
  byActor() {
    const actors = new Map();
    this.lines.forEach(({ actor, path }, line) => {
      if (this.values[line] === null) return;
      if (!actors.has(actor)) actors.set(actor, []);
      actors.get(actor).push({ line, path, value: this.values[line] });
    });
    return actors;
  }
}

/** Which events are shown. */
const filter = {
  level: slice ? "slice" : "notable",
  hiddenLanes: new Set(),
  connection: "",

  lets(index) {
    const event = events[index];
    if (event.number === run.focus || race.includes(index)) return true;
    // Events after the violation did not lead to it.
    if (this.level === "slice") return slice.has(event.number);
    if (violationsAt.has(index)) return true;
    if (this.hiddenLanes.has(event.lane)) return false;
    if (this.connection && event.socket !== this.connection && !faultsAt.has(index)) return false;
    switch (this.level) {
      case "notable": return event.prominence === "notable" || Boolean(slice?.has(event.number));
      case "all": return true;
    }
  },
};

/** Nanoseconds as seconds: six decimals, or nine where they differ from zero. */
function seconds(ns) {
  return (ns / 1e9).toFixed(ns % 1000 === 0 ? 6 : 9);
}

/** How long, in the unit that suits it. */
function duration(ns) {
  if (ns >= 1e9) return `${(ns / 1e9).toFixed(2)} s`;
  if (ns >= 1e6) return `${(ns / 1e6).toFixed(0)} ms`;
  return `${(ns / 1e3).toFixed(0)} µs`;
}

/** The name of an actor as a person writes it: `container 0`. */
function spaced(name) {
  return name.replace(/(\d+)$/, " $1");
}
