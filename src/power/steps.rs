//! Steps by kinds: what can go wrong where, and which defect of the catalogue stands for it.

use crate::target::defects::{Catalogue, Cell, Kind, STEPS};

/// The table, and the reasons for its gaps.
pub fn section(catalogue: &Catalogue) -> String {
    let mut text = String::from(
        "## Steps by kinds\n\nA row is a step of docs/protocol.md#connection-sequence, or what follows \
         it. A letter stands for the reason why there is no defect, below.\n\n| step |",
    );
    for kind in Kind::ALL {
        text.push_str(&format!(" {} |", kind.name()));
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(Kind::ALL.len()));
    text.push('\n');
    for step in STEPS {
        text.push_str(&format!("| {step} |"));
        for kind in Kind::ALL {
            let cell = match catalogue.cell(step, *kind) {
                Cell::Defects(ids) => ids.join(" "),
                Cell::Gap(place) => letter(place).to_string(),
                Cell::Open => String::new(),
            };
            text.push_str(&format!(" {cell} |"));
        }
        text.push('\n');
    }
    text.push('\n');
    for (place, gap) in catalogue.gaps.iter().enumerate() {
        text.push_str(&format!("- {}: {}\n", letter(place), gap.because));
    }
    text.push('\n');
    text
}

fn letter(place: usize) -> char {
    ('a'..='z').nth(place).expect("fewer reasons than letters")
}
