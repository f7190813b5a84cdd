//! The formats of a report. Everything about a format is declared in one row.

use clap::ValueEnum;
use gatesim_sim::run::outcome::Outcome;
use serde::Serialize;

use crate::{
    report::{chart::window::Window, html::HtmlPage, mermaid, perfetto, root_cause::RootCause},
    target::Target,
};

/// Everything about a format.
pub struct FormatRow {
    /// The extension of the file that it is written to by default; none for standard output.
    pub default_extension: Option<&'static str>,
    /// Whether it shows the root cause, which takes many further executions to find.
    pub shows_root_cause: bool,
    /// What a reader opens it with.
    pub open_with: &'static str,
    /// Its text.
    pub render: fn(&ReportInput<'_>) -> anyhow::Result<String>,
}

/// The run that is reported.
pub struct ReportInput<'a> {
    /// The run.
    pub target: &'a Target,
    /// What it did, with its trace.
    pub outcome: &'a Outcome,
    /// Why it failed, if that is known.
    pub root_cause: Option<&'a RootCause>,
}

macro_rules! formats {
    ($( $(#[doc = $doc:literal])+ $format:ident { $($column:ident: $value:expr,)+ } )+) => {
        /// The formats.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
        #[serde(rename_all = "kebab-case")]
        pub enum ReportFormat {
            $( $(#[doc = $doc])+ $format, )+
        }

        impl ReportFormat {
            /// The row of this format.
            pub fn row(self) -> FormatRow {
                match self {
                    $( ReportFormat::$format => FormatRow { $($column: $value,)+ }, )+
                }
            }
        }
    };
}

formats! {
    /// A page in one file, for a browser; works offline.
    Html {
        // HTML is of no use in a terminal.
        default_extension: Some("html"),
        shows_root_cause: true,
        open_with: "a browser",
        render: |reported| {
            HtmlPage {
                target: reported.target,
                outcome: reported.outcome,
                root_cause: reported.root_cause,
                window: Window::PAGE,
            }
            .render()
        },
    }

    /// A sequence diagram in Mermaid, for pasting into an issue.
    Mermaid {
        default_extension: None,
        shows_root_cause: true,
        open_with: "a viewer of Mermaid diagrams",
        render: |reported| {
            Ok(mermaid::diagram(
                &reported.target.plan,
                reported.outcome,
                reported.target.headline(reported.outcome),
                reported.root_cause.map(|cause| cause.slice.as_slice()),
            ))
        },
    }

    /// A trace on virtual time, for ui.perfetto.dev or chrome://tracing.
    Perfetto {
        default_extension: None,
        shows_root_cause: false,
        open_with: "ui.perfetto.dev or chrome://tracing",
        render: |reported| {
            let target = reported.target;
            perfetto::trace(&target.run, &target.plan, reported.outcome)
        },
    }
}
