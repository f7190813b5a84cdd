//! One run as a trace in the Chrome format, on virtual time, for ui.perfetto.dev or
//! chrome://tracing: a process for each actor, a thread for each connection, machine and kind of
//! thing that lasts, flows for what travels.

use std::collections::BTreeMap;

use gatesim_sim::{plan::Plan, run::outcome::Outcome};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::{
    report::chart::{Chart, ChartEvent, band::BandKind, lane::title, window::Window},
    target::run_name::RunName,
};

/// The process of the run itself; actors follow.
const RUN: usize = 1;

/// The duration of an event, in nanoseconds: flows begin and end only at events with a duration.
const EVENT_NS: u64 = 1_000;

/// The trace as JSON, ready to be opened.
pub fn trace(run: &RunName, plan: &Plan, outcome: &Outcome) -> anyhow::Result<String> {
    let chart = Chart::new(plan, outcome, None, &Window::WHOLE);
    let mut writer = Writer {
        chart: &chart,
        times: chart.events.iter().map(|e| (e.number, e.time_ns)).collect(),
        end_ns: outcome.time.0,
        threads: BTreeMap::new(),
        records: Vec::new(),
    };
    writer.events();
    writer.bands();
    writer.calls();
    writer.flows();
    writer.faults();
    writer.violations();
    writer.names(run);
    Ok(serde_json::to_string(&Trace {
        display_time_unit: "ms",
        trace_events: writer.records,
    })?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace {
    display_time_unit: &'static str,
    trace_events: Vec<TraceRecord>,
}

/// One record; the names are the format's.
#[derive(Serialize)]
struct TraceRecord {
    ph: &'static str,
    name: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    cat: &'static str,
    pid: usize,
    tid: usize,
    ts: Micros,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<Micros>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<&'static str>,
    #[serde(skip_serializing_if = "Value::is_null")]
    args: Value,
}

/// Nanoseconds, written as the format wants them: microseconds with a fraction, which is exact up
/// to the longest run.
#[derive(Clone, Copy)]
struct Micros(u64);

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.0 as f64 / 1_000.0)
    }
}

struct Writer<'a> {
    chart: &'a Chart,
    times: BTreeMap<u64, u64>,
    end_ns: u64,
    /// By process and name.
    threads: BTreeMap<(usize, String), usize>,
    records: Vec<TraceRecord>,
}

impl Writer<'_> {
    fn events(&mut self) {
        for event in &self.chart.events {
            let (pid, tid) = self.place(event);
            self.records.push(TraceRecord {
                cat: "event",
                dur: Some(Micros(EVENT_NS)),
                args: json!({ "event": event.number, "step": event.step, "actor": self.actor(event) }),
                ..record("X", event.text.clone(), pid, tid, event.time_ns)
            });
        }
    }

    /// Each machine has a thread of its own, so that its states stand in one line.
    fn bands(&mut self) {
        for band in &self.chart.bands {
            let thread = match band.kind {
                BandKind::Machine => format!("machine {}", band.name),
                BandKind::Connection => format!("{} as the client sees it", band.name),
                BandKind::Container | BandKind::Service => "state".to_owned(),
            };
            let pid = process(band.lane);
            let tid = self.thread(pid, &thread);
            let ends = band.segments.iter().skip(1).map(|next| next.from);
            let ends = ends.map(Some).chain([band.until]);
            for (segment, end) in band.segments.iter().zip(ends) {
                let from = self.time(segment.from);
                let until = end.map_or(self.end_ns, |end| self.time(end));
                self.records.push(TraceRecord {
                    cat: "state",
                    dur: Some(Micros(until.saturating_sub(from))),
                    args: json!({ "name": band.name, "from_event": segment.from }),
                    ..record("X", segment.state.clone(), pid, tid, from)
                });
            }
        }
    }

    /// Calls of one container may overlap, so they are no slices but spans with ids.
    fn calls(&mut self) {
        for (id, call) in self.chart.calls.iter().enumerate() {
            let name = self.chart.lanes[call.service_lane].name.to_string();
            let pid = process(call.lane);
            let tid = self.thread(pid, "calls");
            let until = call.to.map_or(self.end_ns, |to| self.time(to));
            let phases = [("b", self.time(call.from)), ("e", until)];
            self.records.extend(phases.map(|(phase, at)| TraceRecord {
                cat: "call",
                id: Some(id),
                args: json!({ "answered": call.ok }),
                ..record(phase, name.clone(), pid, tid, at)
            }));
        }
    }

    fn flows(&mut self) {
        let by_number: BTreeMap<u64, &ChartEvent> =
            self.chart.events.iter().map(|e| (e.number, e)).collect();
        for (id, arrow) in self.chart.arrows.iter().enumerate() {
            let Some(to) = arrow.to else { continue };
            for (phase, number) in [("s", arrow.from), ("f", to)] {
                let Some(event) = by_number.get(&number) else {
                    continue;
                };
                let (pid, tid) = self.place(event);
                self.records.push(TraceRecord {
                    cat: "frame",
                    id: Some(id),
                    // The slice around it, not the next one.
                    bp: (phase == "f").then_some("e"),
                    ..record(phase, arrow.label.clone(), pid, tid, event.time_ns)
                });
            }
        }
    }

    fn faults(&mut self) {
        let tid = self.thread(RUN, "faults");
        for fault in &self.chart.faults {
            let from = self.time(fault.event);
            let until = fault.until_ns.unwrap_or(from + EVENT_NS);
            let phases = [("b", from), ("e", until)];
            self.records.extend(phases.map(|(phase, at)| TraceRecord {
                cat: "fault",
                id: Some(fault.number as usize),
                ..record(phase, fault.text.clone(), RUN, tid, at)
            }));
        }
    }

    fn violations(&mut self) {
        let tid = self.thread(RUN, "violations");
        for violation in &self.chart.violations {
            let at = self.time(violation.event);
            self.records.push(TraceRecord {
                cat: "violation",
                // Drawn through all processes.
                s: Some("g"),
                args: json!({
                    "event": violation.event,
                    "cause": violation.cause,
                    "sentence": violation.sentence,
                }),
                ..record("i", violation.invariant.to_owned(), RUN, tid, at)
            });
        }
    }

    fn names(&mut self, run: &RunName) {
        let lanes = self.chart.lanes.iter().enumerate();
        let actors = lanes.map(|(lane, at)| (process(lane), title(at.name)));
        let processes: Vec<(usize, String)> =
            [(RUN, run.to_string())].into_iter().chain(actors).collect();
        for (order, (pid, name)) in processes.into_iter().enumerate() {
            self.metadata("process_name", pid, 0, json!({ "name": name }));
            self.metadata("process_sort_index", pid, 0, json!({ "sort_index": order }));
        }
        let threads: Vec<((usize, String), usize)> = self
            .threads
            .iter()
            .map(|(key, tid)| (key.clone(), *tid))
            .collect();
        for ((pid, name), tid) in threads {
            self.metadata("thread_name", pid, tid, json!({ "name": name }));
            self.metadata("thread_sort_index", pid, tid, json!({ "sort_index": tid }));
        }
    }

    fn metadata(&mut self, name: &str, pid: usize, tid: usize, args: Value) {
        self.records.push(TraceRecord {
            args,
            ..record("M", name.to_owned(), pid, tid, 0)
        });
    }

    /// Process and thread of an event: that of its connection, or of its actor.
    fn place(&mut self, event: &ChartEvent) -> (usize, usize) {
        let pid = event.lane.map_or(RUN, process);
        let thread = match event.socket {
            Some(socket) => socket.to_string(),
            None => "events".to_owned(),
        };
        (pid, self.thread(pid, &thread))
    }

    /// Threads are numbered as they appear.
    fn thread(&mut self, pid: usize, name: &str) -> usize {
        let next = self.threads.len() + 1;
        *self.threads.entry((pid, name.to_owned())).or_insert(next)
    }

    fn actor(&self, event: &ChartEvent) -> String {
        let lane = event.lane.map(|lane| self.chart.lanes[lane].name);
        lane.map_or_else(|| "world".to_owned(), |name| name.to_string())
    }

    fn time(&self, number: u64) -> u64 {
        self.times.get(&number).copied().unwrap_or(self.end_ns)
    }
}

/// The process of a lane.
fn process(lane: usize) -> usize {
    RUN + 1 + lane
}

fn record(ph: &'static str, name: String, pid: usize, tid: usize, ns: u64) -> TraceRecord {
    TraceRecord {
        ph,
        name,
        cat: "",
        pid,
        tid,
        ts: Micros(ns),
        dur: None,
        id: None,
        bp: None,
        s: None,
        args: Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::tests::{sample_outcome, sample_plan};

    fn sample() -> Value {
        let run = "golden-path@v4:3".parse().unwrap();
        let text = trace(&run, &sample_plan(), &sample_outcome()).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn one_record_a_line() {
        let sample = sample();
        let records = sample["traceEvents"].as_array().unwrap();
        let lines: Vec<String> = records.iter().map(Value::to_string).collect();
        insta::assert_snapshot!("records", lines.join("\n"));
    }

    /// What viewers demand: flows begin and end inside slices, spans that begin end.
    #[test]
    fn flows_and_spans_have_two_ends() {
        let sample = sample();
        let records = sample["traceEvents"].as_array().unwrap();
        let of = |phase: &str| -> Vec<&Value> {
            records
                .iter()
                .filter(|record| record["ph"] == phase)
                .collect()
        };
        assert_eq!(of("s").len(), of("f").len());
        assert_eq!(of("b").len(), of("e").len());
        for end in of("s").into_iter().chain(of("f")) {
            let around = of("X").into_iter().any(|slice| {
                (&slice["pid"], &slice["tid"], &slice["ts"])
                    == (&end["pid"], &end["tid"], &end["ts"])
            });
            assert!(around, "{end}");
        }
    }
}
