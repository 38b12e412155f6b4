//! `ipyrust env`: the variables that are read, what is wrong with them, and the interpreter that is found.

use crate::jupyter_paths::kernel_dirs;
use crate::search::{OwnPaths, Search};
use crate::text::{cut, shown};
use crate::variables::{NAMES, Variables};
use crate::{Answer, ExitCode, VERSION};

/// Longest value of a variable that is shown in full: PATH may be long.
const LONGEST_VALUE: usize = 4096;

/// The whole page. Ends with the code of the search.
pub(crate) fn environment(found: &Search, variables: &Variables, own: &OwnPaths) -> Answer {
    let mut lines = vec![
        format!("launcher: ipyrust {VERSION}, {}", own_path(own)),
        String::new(),
    ];
    for name in NAMES {
        lines.push(match variables.raw(name) {
            Some(value) => format!("{name}='{}'", cut(value, LONGEST_VALUE)),
            None => format!("{name} is not set"),
        });
    }
    lines.push(String::new());
    lines.extend(
        found
            .notes
            .iter()
            .map(|note| format!("note: {}", note.line())),
    );
    let code = match &found.result {
        Ok(one) => {
            let layout = &one.layout;
            let prefix = layout
                .prefix
                .as_ref()
                .map_or_else(|| "unknown".to_owned(), shown);
            lines.push(format!("interpreter: {}", shown(&layout.executable)));
            lines.push(format!(
                "because: {}, and it {}",
                one.source.in_words(),
                one.presence.in_words()
            ));
            lines.push(format!("environment: {prefix}"));
            ExitCode::Ok
        }
        Err(failure) => {
            lines.push(format!("interpreter: none: {}", failure.line()));
            failure.code
        }
    };
    let layout = found.result.as_ref().ok().map(|one| &one.layout);
    lines.push("kernels are looked for in:".to_owned());
    lines.extend(
        kernel_dirs(variables, layout)
            .iter()
            .map(|directory| format!("  {}", shown(directory))),
    );
    let text = lines.iter().map(|line| format!("{line}\n")).collect();
    Answer { text, code }
}

fn own_path(own: &OwnPaths) -> String {
    match (&own.spelled, &own.real) {
        (Some(spelled), Some(real)) if spelled != real => {
            format!("{}, which is {}", shown(spelled), shown(real))
        }
        (Some(path), _) | (None, Some(path)) => shown(path),
        (None, None) => "whose path is not known".to_owned(),
    }
}
