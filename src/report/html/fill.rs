//! Filling in the template: names in double braces, escaped texts.

use std::collections::BTreeMap;

/// The template with every `{{name}}` replaced, in one pass: replacements are not expanded again.
/// Panics if a name has no replacement or a replacement is not used.
pub fn fill(template: &str, parts: &[(&str, String)]) -> String {
    let mut parts: BTreeMap<&str, &String> =
        parts.iter().map(|(name, text)| (*name, text)).collect();
    let mut pieces = template.split("{{");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").expect("braces come in pairs");
        filled += parts
            .remove(name)
            .unwrap_or_else(|| panic!("no `{name}` for the template"));
        filled += rest;
    }
    assert!(parts.is_empty(), "the template does not use {parts:?}");
    filled
}

/// A text for the inside of an element or of a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            _ => escaped.push(c),
        }
    }
    escaped
}

/// JSON for the inside of a script element: it must not contain the end of the element or the
/// beginning of a comment. The characters are replaced by JSON escapes.
pub fn json_in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_not_a_template() {
        let parts = [("a", "{{b}}".to_owned()), ("b", "x".to_owned())];
        assert_eq!(fill("<{{a}}|{{b}}>", &parts), "<{{b}}|x>");
    }

    #[test]
    #[should_panic(expected = "no `c` for the template")]
    fn a_missing_part_is_a_bug() {
        fill("{{c}}", &[]);
    }

    #[test]
    fn texts_are_harmless() {
        assert_eq!(
            escape(r#"</script><b a="1" b='2'>&"#),
            "&lt;/script&gt;&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;"
        );
        let nasty = serde_json::to_string("</script><!--&\u{2028}").unwrap();
        let inside = json_in_script(&nasty);
        assert!(!inside.contains(['<', '>', '&']), "{inside}");
        let back: String = serde_json::from_str(&inside).unwrap();
        assert_eq!(back, "</script><!--&\u{2028}");
    }
}
