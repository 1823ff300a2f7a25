//! As much of PromQL as is needed to say what an expression asks for: its selectors and ranges.

/// A selector as it stands in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    pub metric: String,
    /// With its braces; empty without any.
    pub matchers: String,
    /// What stands in brackets behind it.
    pub range: Option<String>,
    /// The function whose argument it begins; empty if there is none.
    pub function: String,
}

impl Selector {
    /// To be asked for.
    pub fn text(&self) -> String {
        format!("{}{}", self.metric, self.matchers)
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// What jumun exposes or records, and what Prometheus adds.
fn is_metric(word: &str) -> bool {
    ["order_", "topology_"]
        .iter()
        .any(|prefix| word.starts_with(prefix))
        || (word.contains(':') && word.starts_with(|c: char| c.is_ascii_alphabetic()))
        || ["up", "ALERTS"].contains(&word)
}

/// The part of a text from an opening character to its closing one, if it begins with the former.
fn enclosed(text: &str, open: char, close: char) -> Option<&str> {
    text.starts_with(open)
        .then(|| &text[..=text.find(close).unwrap()])
}

/// Every selector, in the order of the text.
pub fn selectors(expression: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut rest = expression;
    let mut before = String::new();
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let end = 2 + rest[1..].find('"').unwrap();
            before.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        // `$sido` and 5m are none.
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if end == 0 || before.ends_with('$') {
            let end = end.max(first.len_utf8());
            before.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        }
        let (word, behind) = rest.split_at(end);
        rest = behind;
        if is_metric(word) {
            let matchers = enclosed(rest, '{', '}').unwrap_or_default();
            rest = &rest[matchers.len()..];
            let range = enclosed(rest, '[', ']').unwrap_or_default();
            rest = &rest[range.len()..];
            let call = before.trim_end().strip_suffix('(').unwrap_or_default();
            let start = call.rfind(|c| !is_word(c)).map_or(0, |at| at + 1);
            found.push(Selector {
                metric: word.to_owned(),
                matchers: matchers.to_owned(),
                range: (!range.is_empty()).then(|| range[1..range.len() - 1].to_owned()),
                function: call[start..].to_owned(),
            });
        }
        before.push_str(word);
    }
    found
}

#[test]
fn selectors_are_found() {
    let expression = r#"sum by (status) (rate(order_a_total{job=~"$job", x="up"}[$__rate_interval])) / on () up
        or label_replace(avg_over_time(all:b:rate5m[5m] offset 1w), "order_c", "1", "", "") > 60"#;
    let found = selectors(expression);
    let texts: Vec<String> = found.iter().map(Selector::text).collect();
    assert_eq!(
        texts,
        [
            r#"order_a_total{job=~"$job", x="up"}"#,
            "up",
            "all:b:rate5m"
        ]
    );
    let functions: Vec<&str> = found.iter().map(|it| it.function.as_str()).collect();
    assert_eq!(functions, ["rate", "", "avg_over_time"]);
    assert_eq!(found[0].range.as_deref(), Some("$__rate_interval"));
    assert_eq!(found[1].range, None);
}
