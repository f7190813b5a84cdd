// The panels beside the diagram: the chosen event, its changes, the state of every actor.

const MOST_LINES = 150;
const state = new State(run.state);
const folded = new Set(["world"]);

function drawPanels() {
  state.goTo(current);
  drawSelected();
  drawChanged();
  drawActors();
}

function drawSelected() {
  const event = events[current];
  const lane = event.lane === undefined ? "the run" : spaced(run.lanes[event.lane].name);
  const parts = [
    make("p", { class: "where" }, `#${event.number} · ${seconds(event.time_ns)} s · step ${event.step} · ${lane}`),
    make("p", { class: "what" }, event.text),
  ];
  for (const arrow of parcelsAt.get(current) ?? []) parts.push(make("p", { class: "quiet" }, ...journey(arrow, event)));
  for (const violation of violationsAt.get(current) ?? []) {
    parts.push(make("div", { class: "breaks" }, make("b", {}, violation.invariant), violation.sentence));
  }
  redraw(document.getElementById("selected"), ...parts);
}

/** The destination of what was sent, or its origin. */
function journey(arrow, event) {
  if (arrow.to === undefined) return [`${arrow.label} to ${spaced(run.lanes[arrow.to_lane].name)}: never arrived`];
  if (arrow.from === event.number) {
    const took = events[indexOf(arrow.to)].time_ns - event.time_ns;
    return [`${arrow.label} arrives after ${duration(took)} at `, jumpTo(arrow.to)];
  }
  const took = event.time_ns - events[indexOf(arrow.from)].time_ns;
  return [`${arrow.label} was sent ${duration(took)} before, at `, jumpTo(arrow.from)];
}

function jumpTo(number) {
  return make("button", { type: "button", class: "jump", "data-event": number }, `#${number}`);
}

function drawChanged() {
  const changes = state.changed(current);
  const lines = changes.map(({ line, before, after }) => make("tr", {},
    make("td", {}, `${spaced(state.lines[line].actor)}: ${state.lines[line].path}`),
    make("td", {}, before === null ? "" : make("del", {}, before), before === null ? "" : " ",
      make("ins", {}, after ?? "gone"))));
  document.getElementById("changed").replaceChildren(
    ...(lines.length ? [make("h2", {}, "Changed by this event"), make("table", { class: "lines" }, make("tbody", {}, ...lines))] : []),
  );
}

function drawActors() {
  const touched = new Set(state.changed(current).map(({ line }) => line));
  const actors = [...state.byActor()].map(([actor, lines]) => {
    const shown = lines.slice(0, MOST_LINES).map(({ line, path, value }) => make(
      "tr", { class: touched.has(line) ? "touched" : undefined }, make("td", {}, path), make("td", {}, value)));
    const all = make("details", { "data-actor": actor, open: folded.has(actor) ? undefined : "" },
      make("summary", { "data-key": actor }, spaced(actor), " ", make("span", { class: "count" }, String(lines.length))),
      make("table", { class: "lines" }, make("tbody", {}, ...shown)));
    if (lines.length > MOST_LINES) all.append(make("p", { class: "quiet" }, `and ${lines.length - MOST_LINES} more`));
    all.addEventListener("toggle", () => {
      if (all.open) folded.delete(actor); else folded.add(actor);
    });
    return all;
  });
  redraw(document.getElementById("actors"), make("h2", {}, "State at this point"), ...actors);
}
