use super::*;

#[test]
fn every_builtin_parses_and_has_a_summary() {
    for name in Design::builtin_names() {
        let design = Design::builtin(name).unwrap();
        assert_eq!(&*design.name, *name);
        assert!(!design.summary.is_empty(), "{name} has no summary");
    }
}

#[test]
fn every_answer_can_be_flipped_to() {
    let reference = Design::builtin("reference").unwrap();
    for question in Design::questions() {
        assert!(question.answers.len() > 1, "{} is not open", question.key);
        for answer in question.answers {
            let design = reference.with(question.key, answer.name).unwrap();
            assert!(design.answers().contains(&(question.key, answer.name)));
            assert_eq!(Design::resolve(&design.name).unwrap(), design);
        }
    }
}

/// What the revisions changed, as a person reviews it.
#[test]
fn the_revisions_and_the_reference() {
    let designs: Vec<Design> = Design::builtin_names()
        .iter()
        .map(|name| Design::builtin(name).unwrap())
        .collect();
    let mut text = String::new();
    for (i, question) in Design::questions().iter().enumerate() {
        text.push_str(question.key);
        text.push('\n');
        let mut last = "";
        for design in &designs {
            let (_, answer) = design.answers()[i];
            if answer != last {
                text.push_str(&format!("    {:<10} {answer}\n", design.name));
                last = answer;
            }
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_design_survives_serialisation() {
    let design = Design::resolve("v4+welcome=after-ready").unwrap();
    let text = toml::to_string(&design).unwrap();
    assert_eq!(toml::from_str::<Design>(&text).unwrap(), design);
}

#[test]
fn a_file_starts_from_its_base() {
    let text = "base = \"v9\"\nsummary = \"a try\"\nwelcome = \"after-ready\"\n";
    let design = Design::parse("designs/mine.toml", text).unwrap();
    let expected = Design::resolve("v9+welcome=after-ready").unwrap();
    assert_eq!(&*design.name, "mine");
    assert_eq!(design.answers(), expected.answers());
}

#[test]
fn errors_name_the_file_the_line_and_what_may_be_written() {
    let files = [
        "base = \"v9\"\n\nwelcome = \"whenever\"\n",
        "base = \"v9\"\nclenup = \"never\"\n",
        "base = \"v12\"\n",
        "base = \"v9\"\ncleanup = 3\n",
        "base = \"v9\"\ncleanup = \"never\n",
        "summary = \"too little\"\n",
    ];
    let messages: Vec<String> = files
        .iter()
        .map(|text| Design::parse("my.toml", text).unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(messages.join("\n\n"));
}

#[test]
fn flips_that_make_no_sense_are_refused() {
    let texts = ["v10", "reference+cleanup", "reference+cleanup=maybe"];
    let messages: Vec<String> = texts
        .iter()
        .map(|text| Design::resolve(text).unwrap_err().to_string())
        .collect();
    insta::assert_snapshot!(messages.join("\n"));
}
