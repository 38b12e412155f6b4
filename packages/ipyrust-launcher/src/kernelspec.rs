//! The content of a kernelspec: what `ipyrust/kernelspec.py` and `ipyrust/install.py` write, byte for byte, and what is
//! read of those that others wrote. A test compares the bytes.

use std::path::Path;

use serde_json::ser::PrettyFormatter;
use serde_json::{Serializer, Value, json};

use serde::Serialize;

use crate::files;

/// Name of the kernel unless another is chosen.
pub(crate) const DEFAULT_NAME: &str = "ipyrust";

/// What frontends show for it.
pub(crate) const DEFAULT_DISPLAY_NAME: &str = "Python 3 (ipyrust)";

/// Between the interpreter and `-m`: the debugger cannot step into frozen modules.
pub(crate) const UNFROZEN: &str = "-Xfrozen_modules=off";

/// The logos beside kernel.json, by file name.
pub(crate) const LOGOS: [(&str, &[u8]); 3] = [
    (
        "logo-32x32.png",
        include_bytes!("../resources/logo-32x32.png"),
    ),
    (
        "logo-64x64.png",
        include_bytes!("../resources/logo-64x64.png"),
    ),
    ("logo-svg.svg", include_bytes!("../resources/logo-svg.svg")),
];

/// What a kernelspec is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kernelspec<'a> {
    /// The interpreter.
    pub(crate) python: &'a str,
    /// What frontends show.
    pub(crate) display_name: &'a str,
    /// Variables for the kernel.
    pub(crate) env: &'a [(String, String)],
    /// The IPython profile it loads.
    pub(crate) profile: Option<&'a str>,
    /// Start with frozen standard modules.
    pub(crate) frozen_modules: bool,
}

impl Kernelspec<'_> {
    /// The content of kernel.json.
    pub(crate) fn content(&self) -> Value {
        let mut argv = vec![self.python];
        if !self.frozen_modules {
            argv.push(UNFROZEN);
        }
        argv.extend(["-m", "ipyrust", "-f", "{connection_file}"]);
        if let Some(profile) = self.profile {
            argv.extend(["--profile", profile]);
        }
        let mut content = json!({
            "argv": argv,
            "display_name": self.display_name,
            "language": "python",
            "interrupt_mode": "signal",
            "kernel_protocol_version": "5.5",
            "metadata": {"debugger": true, "supported_encryption": ["curve"]},
        });
        if let Some(entries) = content.as_object_mut().filter(|_| !self.env.is_empty()) {
            let pairs = self
                .env
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)));
            entries.insert("env".to_owned(), Value::Object(pairs.collect()));
        }
        content
    }
}

/// The text of kernel.json, as Python's `json.dumps(…, indent=1, ensure_ascii=False)` and a newline.
pub(crate) fn rendered(content: &Value) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    content.serialize(&mut Serializer::with_formatter(
        &mut text,
        PrettyFormatter::with_indent(b" "),
    ))?;
    text.push(b'\n');
    Ok(text)
}

/// The kernel.json of a kernelspec's directory; None when there is none or it is torn.
pub(crate) fn read(directory: &Path) -> Option<Value> {
    serde_json::from_str(&files::read(&directory.join("kernel.json"))?).ok()
}

/// The command of a kernelspec; None when it is no list of texts.
pub(crate) fn argv(content: &Value) -> Option<Vec<&str>> {
    content
        .get("argv")?
        .as_array()?
        .iter()
        .map(Value::as_str)
        .collect()
}

/// Whether a kernel.json starts ipyrust.
pub(crate) fn is_ours(content: &Value) -> bool {
    argv(content).is_some_and(|argv| argv.windows(2).any(|pair| pair == ["-m", "ipyrust"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_starts_the_module() {
        for (text, expected) in [
            (r#"{"argv": ["python", "-m", "ipyrust", "-f", "x"]}"#, true),
            (r#"{"argv": ["python", "-m", "ipykernel"]}"#, false),
            (r#"{"argv": ["-m"]}"#, false),
            (r#"{"argv": [1, "-m", "ipyrust"]}"#, false),
            (r#"{"argv": {}}"#, false),
            ("[]", false),
        ] {
            let content = serde_json::from_str(text).unwrap();
            assert_eq!(is_ours(&content), expected, "{text}");
        }
    }

    #[test]
    fn the_text_is_python_s() {
        let content = json!({"a": ["x", "é\u{1}\"\\\u{7f}"], "b": {"c": true}});
        let expected = "{\n \"a\": [\n  \"x\",\n  \"é\\u0001\\\"\\\\\u{7f}\"\n ],\n \"b\": {\n  \"c\": true\n }\n}\n";
        assert_eq!(
            String::from_utf8(rendered(&content).unwrap()).unwrap(),
            expected
        );
    }
}
