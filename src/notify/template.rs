//! Templates, built in or of the operator: compiled once, bounded in work and in output.

use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value};
use std::{fmt, io, path::Path};

/// Steps that one rendering may take.
const FUEL: u64 = 500_000;

/// Bytes that one rendering may write.
const OUTPUT: usize = 256 * 1024;

/// Bytes of a template's file.
const SOURCE: u64 = 256 * 1024;

/// What a template makes, and so how values in it are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Text, values as they are: they hold no control characters.
    Text,
    /// HTML.
    Html,
    /// JSON: `{{ value }}` writes the value with its quotes.
    Json,
}

/// A compiled template.
pub(super) struct Template {
    environment: Environment<'static>,
    form: Form,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("form", &self.form).finish_non_exhaustive()
    }
}

/// The one name in each environment. Templates include no others: a message has one file.
const NAME: &str = "template";

impl Template {
    /// Reads and compiles a file. The error says where it is wrong.
    pub(super) fn load(path: &Path, form: Form) -> Result<Self, String> {
        let about = |error: &dyn fmt::Display| format!("template {}: {error}", path.display());
        let size = std::fs::metadata(path).map_err(|error| about(&error))?.len();
        if size > SOURCE {
            return Err(about(&format!("it has {size} bytes; at most {SOURCE} are read")));
        }
        let source = std::fs::read_to_string(path).map_err(|error| about(&error))?;
        Self::compile(source, form).map_err(|error| about(&error))
    }

    /// Compiles a template.
    pub(super) fn compile(source: impl Into<String>, form: Form) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(50);
        // A misspelled name must show in `ccxwatch check`, and not as an empty line at night.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(move |_| match form {
            Form::Text => AutoEscape::None,
            Form::Html => AutoEscape::Html,
            Form::Json => AutoEscape::Json,
        });
        environment.add_filter("markdown", |text: String| markdown(&text));
        environment
            .add_filter("truncate", |text: String, limit: usize| -> String { text.chars().take(limit).collect() });
        environment.add_template_owned(NAME, source.into()).map_err(|error| describe(&error))?;
        Ok(Self { environment, form })
    }

    /// The text. The error says what is wrong with the template.
    pub(super) fn render(&self, context: &Value) -> Result<String, String> {
        let template = self.environment.get_template(NAME).map_err(|error| describe(&error))?;
        let mut output = Bounded(Vec::new());
        template.render_captured_to(context.clone(), &mut output).map_err(|error| describe(&error))?;
        let text = String::from_utf8(output.0).map_err(|error| error.to_string())?;
        if self.form == Form::Json
            && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text)
        {
            return Err(format!("what it makes is no JSON: {error}"));
        }
        Ok(text)
    }
}

/// Output that ends where it becomes too much.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > OUTPUT {
            return Err(io::Error::other(format!("it writes more than {OUTPUT} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn describe(error: &Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!("line {line}: "));
    let what = match error.kind() {
        ErrorKind::OutOfFuel => "it does not come to an end".to_owned(),
        kind => {
            let source = std::error::Error::source(error).map(ToString::to_string);
            let details = [error.detail().map(str::to_owned), source];
            details.into_iter().flatten().fold(kind.to_string(), |text, detail| format!("{text}: {detail}"))
        }
    };
    format!("{line}{what}")
}

/// Text that Markdown shows as it is.
fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if "\\`*_{}[]()<>#+-.!|~@&".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_template_makes_is_escaped_and_bounded() {
        let context = minijinja::context! { text => "<a href='x'>\"\n", nothing => (), list => [1, 2] };
        let cases = [
            (Form::Text, "{{ text }}", Ok("<a href='x'>\"\n")),
            (Form::Html, "{{ text }}", Ok("&lt;a href=&#x27;x&#x27;&gt;&quot;\n")),
            (
                Form::Json,
                "{\"a\": {{ text }}, \"b\": {{ nothing }}, \"c\": {{ list }}}",
                Ok("{\"a\": \"<a href='x'>\\\"\\n\", \"b\": null, \"c\": [1,2]}"),
            ),
            (Form::Text, "{{ '[x](y)'|markdown }}", Ok("\\[x\\]\\(y\\)")),
            (Form::Json, "{\"a\": \"{{ text }}\"}", Err("what it makes is no JSON")),
            (Form::Text, "one\n{{ tezt }}", Err("line 2: undefined value")),
            (Form::Text, "{% for a in range(10000) %}{% for b in range(10000) %}.{% endfor %}{% endfor %}", Err("")),
            (
                Form::Text,
                "{% set x = 'x' %}{% for a in range(9000) %}{{ text ~ text ~ text ~ text ~ text ~ text ~ text }}{% endfor %}",
                Err("it writes more than"),
            ),
        ];
        for (form, source, expected) in cases {
            let made = Template::compile(source, form).unwrap().render(&context);
            match expected {
                Ok(text) => assert_eq!(made.as_deref(), Ok(text), "{source}"),
                Err(said) => assert!(made.as_ref().is_err_and(|error| error.contains(said)), "{source}: {made:?}"),
            }
        }
        assert!(Template::compile("a\n{% if %}", Form::Text).unwrap_err().starts_with("line 2: "));
        assert!(
            Template::compile("{% include '/etc/passwd' %}", Form::Text).unwrap_err().contains("unknown statement")
        );
    }
}
