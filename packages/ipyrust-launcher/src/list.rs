//! `ipyrust list`: the kernels that Jupyter lists here, and which of them start ipyrust.

use crate::jupyter_paths::kernel_dirs;
use crate::kernelspecs::{Listed, kernelspecs};
use crate::layout::{Layout, problem};
use crate::search::Search;
use crate::text::{quoted, shown};
use crate::variables::Variables;

/// One line for each kernelspec: name, directory, what it starts.
pub(crate) fn list(found: &Search, variables: &Variables) -> String {
    let jupyter = found.result.as_ref().ok().map(|found| &found.layout);
    let directories = kernel_dirs(variables, jupyter);
    let listed = kernelspecs(&directories);
    if listed.is_empty() {
        let places: Vec<String> = directories.iter().map(shown).collect();
        return format!("no kernels in {}\n", places.join(", "));
    }
    let width =
        |text: fn(&Listed) -> String| listed.iter().map(|one| text(one).chars().count()).max();
    let names = width(|one| one.name.clone()).unwrap_or(0);
    let places = width(|one| shown(&one.directory)).unwrap_or(0);
    let line = |one: &Listed| {
        let place = shown(&one.directory);
        format!(
            "{:names$}  {place:places$}  {}\n",
            one.name,
            in_words(one, jupyter)
        )
    };
    listed.iter().map(line).collect()
}

/// What a kernelspec starts.
fn in_words(listed: &Listed, jupyter: Option<&Layout>) -> String {
    let what = match (&listed.content, listed.program()) {
        (None, _) => "kernel.json cannot be read".to_owned(),
        (Some(_), None) => "kernel.json has no command".to_owned(),
        (Some(_), Some(program)) if !listed.is_ours() => format!("other: {}", shown(program)),
        (Some(_), Some(program)) => match listed.interpreter(jupyter) {
            None => format!("ipyrust with {}", quoted(program)),
            Some(path) => {
                let own = if program.contains('/') {
                    ""
                } else {
                    " (Jupyter's own)"
                };
                let gone = problem(&path)
                    .map(|what| format!(", which {what}"))
                    .unwrap_or_default();
                format!("ipyrust with {}{own}{gone}", shown(&path))
            }
        },
    };
    match &listed.hidden_by {
        Some(other) => format!("{what}; hidden by {}", shown(other)),
        None => what,
    }
}
