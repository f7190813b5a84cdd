//! Errors about unknown names: what may have been meant, and what there is.

/// Similarity from which on a name is suggested.
const SIMILAR_ENOUGH: f64 = 0.75;

/// Says that a name is unknown, what may have been meant, and which names there are.
#[must_use]
pub fn unknown(kind: &str, name: &str, known: &[&str]) -> String {
    let suggestion = suggestion(kind, name, known);
    format!("unknown {kind} `{name}`{suggestion}")
}

/// The end of such an error: "; did you mean `x`? kinds are x, y".
pub(super) fn suggestion(kind: &str, name: &str, known: &[&str]) -> String {
    let separator = match nearest(name, known) {
        Some(guess) => format!("; did you mean `{guess}`?"),
        None => ";".to_owned(),
    };
    format!("{separator} {kind}s are {}", known.join(", "))
}

/// The name that was probably meant.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .filter(|(similarity, _)| *similarity > SIMILAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest_one() {
        assert_eq!(
            unknown("scenario", "cold-strat", &["chaos", "cold-start"]),
            "unknown scenario `cold-strat`; did you mean `cold-start`? scenarios are chaos, \
             cold-start"
        );
        assert_eq!(
            unknown("design", "zzz", &["v1", "v9"]),
            "unknown design `zzz`; designs are v1, v9"
        );
    }
}
