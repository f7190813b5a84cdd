//! Whole runs, seen from outside: what a run depends on, and what it does not.

mod balancer;
mod causes;
mod choices;
mod clients;
mod digests;
mod fidelity;
mod healing;
mod history;
mod marks;
mod served;
mod snapshot;
mod stopping;
mod support;
