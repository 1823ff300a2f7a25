//! The page's files. They are part of the program: no build step, and nothing is asked of another host.

/// Scripts, styles, pictures and connections of this server alone; nothing inline, no frames, no forms.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Path on the server.
    pub path: &'static str,
    /// Media type.
    pub content_type: &'static str,
    /// Content.
    pub body: &'static str,
}

macro_rules! files {
    ($($path:literal: $content_type:ident = $name:literal),+ $(,)?) => {
        &[$(File {
            path: $path,
            content_type: $content_type,
            body: include_str!(concat!("assets/", $name)),
        }),+]
    };
}

const FILES: &[File] = files! {
    "/": HTML = "index.html",
    "/page/page.css": CSS = "page.css",
    "/page/icon.svg": SVG = "icon.svg",
    "/page/page.js": SCRIPT = "page.js",
    "/page/feed.js": SCRIPT = "feed.js",
    "/page/chart.js": SCRIPT = "chart.js",
    "/page/orders.js": SCRIPT = "orders.js",
    "/page/business.js": SCRIPT = "business.js",
    "/page/watched.js": SCRIPT = "watched.js",
    "/page/engine.js": SCRIPT = "engine.js",
    "/page/order.js": SCRIPT = "order.js",
    "/page/order_parts.js": SCRIPT = "order_parts.js",
    "/page/search.js": SCRIPT = "search.js",
    "/page/panels.css": CSS = "panels.css",
    "/page/order.css": CSS = "order.css",
    "/page/elements.js": SCRIPT = "elements.js",
    "/page/format.js": SCRIPT = "format.js",
    "/page/words.js": SCRIPT = "words.js",
};

const TOPOLOGY: &str = include_str!("assets/topology.html");
const ORDER: &str = include_str!("assets/order.html");

impl File {
    /// The file at a path.
    pub fn at(path: &str) -> Option<Self> {
        FILES.iter().find(|file| file.path == path).copied()
    }

    /// Every file.
    pub fn all() -> &'static [Self] {
        FILES
    }
}

/// The page around a drawing of the topology (SVG) and its description.
pub fn topology_page(drawing: &str, description: &str) -> String {
    let (head, rest) = TOPOLOGY
        .split_once("<!-- drawing -->")
        .unwrap_or((TOPOLOGY, ""));
    let (middle, tail) = rest
        .split_once("<!-- description -->")
        .unwrap_or((rest, ""));
    [head, drawing, middle, &escaped(description), tail].concat()
}

/// The page of one order, which holds what is told of it, as JSON; empty where a token is needed.
pub fn order_page(told: &str) -> String {
    let (head, tail) = ORDER.split_once("<!-- told -->").unwrap_or((ORDER, ""));
    [head, &escaped(told), tail].concat()
}

/// Text as content or quoted attribute of HTML and SVG.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_refer_to_files_of_this_server_alone_and_to_none_that_is_missing() {
        let pages = [("/topology.html", TOPOLOGY), ("/orders/", ORDER)];
        let files = FILES.iter().map(|file| (file.path, file.body));
        for (path, body) in files.chain(pages) {
            for quoted in body.split('"').skip(1).step_by(2) {
                assert!(!quoted.starts_with("//"), "{path}: {quoted}");
                let is_namespace = quoted == "http://www.w3.org/2000/svg";
                assert!(is_namespace || !quoted.contains("://"), "{path}: {quoted}");
                if quoted.starts_with("/page/") {
                    assert!(File::at(quoted).is_some(), "{path}: {quoted}");
                }
            }
            for imported in body.split(" from './").skip(1) {
                let module = imported.split('\'').next().unwrap();
                let module = format!("/page/{module}");
                assert!(File::at(&module).is_some(), "{path}: {module}");
            }
            assert!(!body.contains("innerHTML ="), "{path}: text enters as text");
        }
    }

    #[test]
    fn nothing_is_inline_that_the_policy_forbids() {
        for page in [FILES[0].body, TOPOLOGY, ORDER] {
            assert!(!page.contains("<style"));
            assert!(!page.contains(" style="));
            assert!(!page.contains(" onclick="));
            for script in page.split("<script").skip(1) {
                let (tag, content) = script.split_once('>').unwrap();
                assert!(tag.contains(" src="), "{tag}");
                assert!(content.starts_with("</script>"), "{content}");
            }
        }
    }

    #[test]
    fn what_is_told_of_an_order_enters_its_page_as_text() {
        let page = order_page(r#"{"orderNo":"</pre><script src='x'></script>"}"#);
        assert!(
            page.contains("{&quot;orderNo&quot;:&quot;&lt;/pre&gt;&lt;script src=&#39;x&#39;&gt;")
        );
        assert_eq!(page.matches("<script").count(), 1);
        assert!(page.trim_end().ends_with("</html>"));
    }

    #[test]
    fn the_topology_page_holds_drawing_and_escaped_description() {
        let page = topology_page("<svg></svg>", "Sub-topology: 0\n --> <judge>");
        assert!(page.contains("<svg></svg>"));
        assert!(page.contains(" --&gt; &lt;judge&gt;"));
        assert!(page.trim_end().ends_with("</html>"));
    }
}
