//! Which line meets which rule.

use super::*;
use crate::fact::{Channel, Origin};
use ccxwatch_parsers::{parse, triage};
use jiff::Timestamp;

fn fact(line: &str) -> Fact {
    let origin = Origin { channel: Channel::Stdin, sender: None, source: "test".to_owned(), node: None };
    Fact::of_record(&parse(line.as_bytes()), Timestamp::UNIX_EPOCH, origin, false).pop().expect("an event")
}

fn rule(name: &str, raise: PatternSettings) -> RuleSettings {
    RuleSettings { name: name.to_owned(), raise, ..RuleSettings::default() }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

fn regex(expression: &str) -> PatternSettings {
    PatternSettings { regex: Some(expression.to_owned()), ..PatternSettings::default() }
}

fn rules() -> Vec<RuleSettings> {
    let exact = PatternSettings { mnemonic: names(&["QueueFull"]), ..PatternSettings::default() };
    let facility =
        PatternSettings { facility: names(&["UC_CTI"]), severity: Some(Severity::Error), ..PatternSettings::default() };
    let like = PatternSettings {
        facility: names(&["SS_*"]),
        mnemonic: names(&["*_DOWN", "*_FAILED"]),
        ..PatternSettings::default()
    };
    let param = PatternSettings {
        mnemonic: names(&["ServiceFailed"]),
        params: vec![("ServiceName".to_owned(), "Cisco T*".to_owned())],
        ..PatternSettings::default()
    };
    let text = regex("(?i)queue (?P<queue>\\w+) overflows");
    let severe = PatternSettings { severity: Some(Severity::Alert), ..PatternSettings::default() };
    let found = PatternSettings { mnemonic: names(&["QueueFull"]), ..regex("(?P<percent>\\d+)%") };
    vec![
        rule("Exact", exact),
        rule("Facility", facility),
        rule("Like", like),
        rule("Param", param),
        RuleSettings {
            labels: vec![("queue".to_owned(), "${queue}".to_owned())],
            summary: "Queue ${queue} overflows".to_owned(),
            clear: Some(regex("queue (?P<queue>\\w+) is fine")),
            ..rule("Text", text)
        },
        rule("Severe", severe),
        RuleSettings { summary: "${percent} percent of ${param:Site}".to_owned(), ..rule("Found", found) },
    ]
}

#[test]
fn a_line_meets_its_rules() {
    let rules = UserRules::compile(&rules()).expect("good rules");
    let check = |head: &str, text: &str, expected: &[&str]| {
        let line = format!("<187>1: ucx1: Nov 24 2026 10:45:00.000 UTC : %{head}: {text}");
        let met: Vec<&str> = rules.names_met(&fact(&line)).into_iter().map(|(name, _)| name).collect();
        assert_eq!(met, expected, "{line}");
        let first = triage(line.as_bytes()).expect("an event");
        assert!(
            expected.is_empty() || rules.may_want(&first, line.as_bytes()),
            "{line}: the first look must let it through"
        );
    };
    check("UC_QUEUES-4-QueueFull", "%[NodeID=ucx1]: full", &["Exact"]);
    check("UC_QUEUES-4-QUEUEFULL", "%[Site=Agra][NodeID=ucx1]: 93% full", &["Exact", "Found"]);
    check("UC_QUEUES-4-QueueFuller", "%[NodeID=ucx1]: full", &[]);
    check("UC_CTI-3-Anything", "%[NodeID=ucx1]: x", &["Facility"]);
    check("UC_CTI-4-Anything", "%[NodeID=ucx1]: x", &[]);
    check("SS_TEL-3-TRUNK_DOWN", "%[NodeID=ucx1]: x", &["Like"]);
    check("SS_TEL-3-TRUNK_UP", "%[NodeID=ucx1]: x", &[]);
    check("UC_SM-2-ServiceFailed", "%[ServiceName=Cisco Tomcat][NodeID=ucx1]: x", &["Param"]);
    check("UC_SM-2-ServiceFailed", "%[ServiceName=A Cisco DB][NodeID=ucx1]: x", &[]);
    check("UC_SM-6-Any", "%[NodeID=ucx1]: the QUEUE sales overflows now", &["Text"]);
    check("UC_SM-6-Any", "%[NodeID=ucx1]: queue sales is fine", &["Text"]);
    check("UC_SM-1-Any", "%[NodeID=ucx1]: x", &["Severe"]);
}

#[test]
fn captures_fill_labels_and_texts() {
    let rules = UserRules::compile(&rules()).expect("good rules");
    let signals =
        |text: &str| rules.signals(&fact(&format!("1: ucx1: Nov 24 2026 10:45:00.000 UTC : %{text}")), Some("n1"));
    let raised = signals("UC_SM-6-Any: %[NodeID=ucx1]: queue sales overflows");
    assert_eq!(raised.len(), 1);
    assert_eq!((raised[0].change, raised[0].severity), (Change::Raise, Severity::Informational));
    assert_eq!(raised[0].instance, [(Cow::Borrowed("queue"), "sales".to_owned())]);
    assert_eq!(raised[0].about.title, "Queue sales overflows");
    let cleared = signals("UC_SM-6-Any: %[NodeID=ucx1]: queue sales is fine");
    assert_eq!((cleared[0].change, &cleared[0].instance), (Change::Clear, &raised[0].instance));
    let found = signals("UC_QUEUES-4-QUEUEFULL: %[Site=Agra][NodeID=ucx1]: 93% full");
    assert_eq!(found[1].about.title, "93 percent of Agra");
}

#[test]
fn a_wrong_rule_is_named() {
    let check = |wrong: RuleSettings, said: &str| {
        let list = [rule("Good", regex("x")), wrong];
        let errors = UserRules::compile(&list).expect_err(said);
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].rule, 1);
        let text = errors[0].to_string();
        assert!(text.starts_with("rule \"Bad\": ") && text.contains(said), "{text}");
    };
    check(rule("Bad", regex("(")), "regex is wrong");
    check(rule("Bad", regex("(?:x{1000}){1000}")), "too large");
    check(rule("Bad", PatternSettings::default()), "every line");
    check(RuleSettings { summary: "${nothing}".to_owned(), ..rule("Bad", regex("x")) }, "neither a capture");
    check(RuleSettings { clear: Some(PatternSettings::default()), ..rule("Bad", regex("x")) }, "every line");
}

#[test]
fn together_they_may_be_too_large() {
    let many: Vec<_> = (0..50).map(|at| rule(&format!("Rule{at}"), regex(&format!("x{at}(?u:\\w)")))).collect();
    assert!(UserRules::compile(&many).is_ok());
    let errors = UserRules::compile_within(&many, 64 * 1024).expect_err("too large");
    assert!(errors[0].to_string().contains("all rules together"), "{}", errors[0]);
}

#[test]
fn a_rule_says_what_a_line_lacks() {
    let rules = UserRules::compile(&rules()).expect("good rules");
    let check = |rule: usize, line: &str, expected: Option<Miss>| {
        let line = format!("1: ucx1: Nov 24 2026 10:45:00.000 UTC : %{line}");
        assert_eq!(rules.misses(rule, &fact(&line)), expected, "{line}");
    };
    check(0, "UC_QUEUES-4-Other: x", Some(Miss::Mnemonic));
    check(1, "UC_CTJ-3-Other: x", Some(Miss::Facility));
    check(1, "UC_CTI-4-Other: x", Some(Miss::Severity));
    check(3, "UC_SM-2-ServiceFailed: %[NodeID=ucx1]: x", Some(Miss::Param("ServiceName".to_owned())));
    check(4, "UC_SM-6-Any: queue is fine", Some(Miss::Regex));
    check(4, "UC_SM-6-Any: queue sales overflows", None);
}
