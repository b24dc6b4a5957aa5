//! HTML in the making. Markup is only what stands in this program; everything that comes from data goes in as text, escaped,
//! so that no symbol, account or reason can be more than text.

use std::fmt::{Display, Write};

/// A piece of a page.
#[derive(Debug, Clone, Default)]
pub struct Html(String);

impl Html {
    /// Adds markup of this program.
    pub fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text; it may stand between tags and in a quoted attribute.
    pub fn text(&mut self, text: impl Display) -> &mut Self {
        for letter in text.to_string().chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    /// Adds JSON, as it may stand in a script: no `<` ends that.
    pub fn json(&mut self, json: &str) -> &mut Self {
        for letter in json.chars() {
            match letter {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => drop(write!(self.0, "\\u{:04x}", u32::from(letter))),
                other => self.0.push(other),
            }
        }
        self
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_wherever_it_stands() {
        let mut html = Html::default();
        html.markup("<td title=\"").text("a\"b").markup("\">").text("<img src=x onerror='f()'> & so").markup("</td>");
        assert_eq!(html.as_str(), "<td title=\"a&quot;b\">&lt;img src=x onerror=&#39;f()&#39;&gt; &amp; so</td>");
    }

    #[test]
    fn json_does_not_end_its_script_and_stays_what_it_was() {
        let json = serde_json::json!({"name": "</script><!--&\u{2028}"}).to_string();
        let mut html = Html::default();
        html.json(&json);
        assert!(!html.as_str().contains(['<', '>', '&', '\u{2028}']), "{}", html.as_str());
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(html.as_str()).unwrap(),
            serde_json::from_str::<serde_json::Value>(&json).unwrap()
        );
    }
}
