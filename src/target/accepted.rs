//! Lists of what a design is known to break: each cause with a reason, and how often it was seen.

use std::{collections::BTreeMap, ops::Range, path::Path};

use anyhow::anyhow;
use gatesim_model::design::line_of;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::{
    output::{FORMAT, read_text, write_whole},
    target::{
        capsule::{check_invariant, parse_toml},
        expectation::Expectation,
    },
};

/// The first lines of a file that is written.
const HEADING: &str = "\
#:schema ../schema/accepted.json
# What the design is known to break. `gatesim accept` writes the counts and keeps the reasons.

";

/// What a design is known to break.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptedList {
    /// The design that was swept.
    pub design: String,
    /// How many runs of each scenario were swept.
    pub runs: BTreeMap<String, u64>,
    /// The causes.
    pub causes: BTreeMap<Expectation, AcceptedCause>,
    /// Limits that it does not keep to, by scenario and name, and why that is accepted.
    pub limits: BTreeMap<(String, String), String>,
}

/// A cause that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedCause {
    /// Why it is accepted.
    pub reason: String,
    /// How many runs of each scenario showed it; those in which none did are left out.
    pub seen: BTreeMap<String, u64>,
}

/// The file. Scalars stand before tables.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    title = "Accepted",
    description = "What a design is known to break, and how often."
)]
pub struct WrittenList<'a> {
    /// The format of the file.
    format: u32,
    /// The design that was swept.
    design: &'a str,
    /// How many runs of each scenario were swept.
    runs: &'a BTreeMap<String, u64>,
    /// The causes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accepted: Vec<WrittenCause<'a>>,
    /// Limits of scenarios that the design does not keep to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    limit: Vec<WrittenLimit<'a>>,
}

/// A limit in the file.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenLimit<'a> {
    /// The scenario.
    scenario: &'a str,
    /// The name of the limit, as a sweep prints it.
    name: &'a str,
    /// Why it is accepted that it is exceeded; not empty.
    reason: &'a str,
}

/// A cause in the file.
#[derive(Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenCause<'a> {
    /// Name of the invariant, or `panic`.
    invariant: &'a str,
    /// The cause, as a sweep prints it.
    cause: &'a str,
    /// Why it is accepted; not empty.
    reason: &'a str,
    /// How many runs of each scenario showed it; of those that are left out, none did.
    seen: &'a BTreeMap<String, u64>,
}

/// The file as it is read: with positions, for errors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadList {
    format: Spanned<i64>,
    design: String,
    runs: BTreeMap<String, u64>,
    #[serde(default)]
    accepted: Vec<Spanned<ReadCause>>,
    #[serde(default)]
    limit: Vec<ReadLimit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadLimit {
    scenario: String,
    name: String,
    reason: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadCause {
    invariant: Spanned<String>,
    cause: String,
    reason: Spanned<String>,
    #[serde(default)]
    seen: BTreeMap<String, Spanned<u64>>,
}

impl AcceptedList {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        Self::parse(&path.display().to_string(), &read_text(path)?)
    }

    /// Reads and checks a text; `file` names it in errors.
    pub fn parse(file: &str, text: &str) -> anyhow::Result<Self> {
        let at = |span: Range<usize>, message: String| {
            anyhow!("{file}:{}: {message}", line_of(text, span.start))
        };
        let read: ReadList = parse_toml(file, text)?;
        let version = *read.format.get_ref();
        if version != i64::from(FORMAT) {
            let message =
                format!("format {version} is not supported; this build reads format {FORMAT}");
            return Err(at(read.format.span(), message));
        }
        let mut list = AcceptedList {
            design: read.design,
            runs: read.runs,
            causes: BTreeMap::new(),
            limits: BTreeMap::new(),
        };
        let stated = |reason: Spanned<String>| match reason.get_ref().trim().is_empty() {
            true => {
                let message = "`reason` is empty; state why this is accepted".to_owned();
                Err(at(reason.span(), message))
            }
            false => Ok(reason.into_inner()),
        };
        for limit in read.limit {
            let key = (limit.scenario, limit.name);
            list.limits.insert(key, stated(limit.reason)?);
        }
        for entry in read.accepted {
            let span = entry.span();
            let cause = entry.into_inner();
            check_invariant(cause.invariant.get_ref())
                .map_err(|message| at(cause.invariant.span(), message))?;
            let reason = stated(cause.reason)?;
            let mut seen = BTreeMap::new();
            for (scenario, count) in cause.seen {
                let runs = list.runs.get(&scenario).copied().unwrap_or(0);
                if *count.get_ref() > runs {
                    let message = format!(
                        "seen in {} runs of {scenario}, but [runs] has {runs}",
                        count.get_ref()
                    );
                    return Err(at(count.span(), message));
                }
                seen.insert(scenario, count.into_inner());
            }
            let expect = Expectation {
                invariant: cause.invariant.into_inner(),
                cause: cause.cause,
            };
            let twice = format!("{expect} is listed twice");
            if (list.causes.insert(expect, AcceptedCause { reason, seen })).is_some() {
                return Err(at(span, twice));
            }
        }
        Ok(list)
    }

    /// Writes it, completely or not at all.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let accepted = self.causes.iter().map(|(expect, cause)| WrittenCause {
            invariant: &expect.invariant,
            cause: &expect.cause,
            reason: &cause.reason,
            seen: &cause.seen,
        });
        let limits = self.limits.iter();
        let limits = limits.map(|((scenario, name), reason)| WrittenLimit {
            scenario,
            name,
            reason,
        });
        let written = WrittenList {
            format: FORMAT,
            design: &self.design,
            runs: &self.runs,
            accepted: accepted.collect(),
            limit: limits.collect(),
        };
        let text = HEADING.to_owned() + &toml::to_string(&written)?;
        write_whole(path, |out| Ok(out.write_all(text.as_bytes())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
format = 1
design = \"v9\"

[runs]
chaos = 10

[[accepted]]
invariant = \"ids-agree\"
cause = \"machine id changes\"
reason = \"known\"
seen = { chaos = 3 }
";

    const LIMIT: &str = "
[[limit]]
scenario = \"chaos\"
name = \"delivered\"
reason = \"slow\"
";

    #[test]
    fn what_is_written_is_read() {
        let list = AcceptedList::parse("list.toml", &(LIST.to_owned() + LIMIT)).unwrap();
        assert_eq!((list.causes.len(), list.limits.len()), (1, 1));
        let file = std::env::temp_dir().join(format!("accepted-{}.toml", std::process::id()));
        list.write(&file).unwrap();
        let read = AcceptedList::read(&file);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(read.unwrap(), list);
    }

    #[test]
    fn errors_name_the_line() {
        let again = LIST
            .split("\n[[")
            .nth(1)
            .map(|entry| format!("{LIST}\n[[{entry}"));
        let errors: Vec<String> = [
            LIST.replace("format = 1", "format = 99"),
            LIST.replace("ids-agree", "ids-agre"),
            LIST.replace("known", " "),
            LIST.replace("chaos = 3", "chaos = 11"),
            LIST.replace("chaos = 3", "idle = 1"),
            LIST.replace("reason =", "because ="),
            LIST.replace("cause =", "# cause ="),
            again.unwrap(),
            LIST.to_owned() + &LIMIT.replace("slow", ""),
        ]
        .iter()
        .map(|text| {
            AcceptedList::parse("list.toml", text)
                .unwrap_err()
                .to_string()
        })
        .collect();
        insta::assert_snapshot!(errors.join("\n"));
    }
}
