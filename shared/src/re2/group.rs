//! What stands between `(` and a group's content: `?:`, `?P<name>`, `?i-s:`; and `(?i)`, which is no group.

use super::cursor::Cursor;
use super::error::{Kind, Re2Error};

/// The flags `imsU`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) fold: bool,
    pub(super) multi_line: bool,
    pub(super) dot_line_feed: bool,
    pub(super) swap_greed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    Capture,
    /// Flags from here on, in a new group or to the end of the one around.
    Flags {
        flags: Flags,
        group: bool,
    },
}

/// Reads from `(` to where a group's content begins, under the flags that hold there.
pub(super) fn opening(input: &mut Cursor<'_>, flags: Flags) -> Result<Opening, Re2Error> {
    let start = input.position();
    let opening = if input.eat("(?") { extended(input, flags) } else { Ok(input.bump().map(|_| Opening::Capture)) };
    match opening {
        Ok(Some(opening)) => Ok(opening),
        Ok(None) => Err(Re2Error::new(Kind::Group, input.since(start), input.column(start))),
        Err(kind) => Err(Re2Error::new(kind, input.since(start), input.column(start))),
    }
}

fn extended(input: &mut Cursor<'_>, flags: Flags) -> Result<Option<Opening>, Kind> {
    // Before the names, as `(?<=` begins like one.
    if ["=", "!", "<=", "<!"].iter().any(|look| input.eat(look)) {
        return Err(Kind::LookAround);
    }
    if input.eat("P<") || input.eat("<") {
        return name(input).map(|()| Some(Opening::Capture));
    }
    Ok(switches(input, flags))
}

/// Names are for nobody here and may repeat, but have to be good.
fn name(input: &mut Cursor<'_>) -> Result<(), Kind> {
    let name = input.eat_until(">").ok_or(Kind::GroupName)?;
    if name.is_empty() || name.iter().any(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && *c != b'_') {
        Err(Kind::GroupName)
    } else if !name.is_ascii() {
        Err(Kind::ForeignGroupName)
    } else {
        Ok(())
    }
}

/// `i-s:` or `i-s)`.
fn switches(input: &mut Cursor<'_>, mut flags: Flags) -> Option<Opening> {
    let mut on = true;
    let mut dangling = false;
    loop {
        let flag = match input.bump()? {
            b'i' => &mut flags.fold,
            b'm' => &mut flags.multi_line,
            b's' => &mut flags.dot_line_feed,
            b'U' => &mut flags.swap_greed,
            b'-' if on => {
                on = false;
                dangling = true;
                continue;
            }
            end @ (b':' | b')') if !dangling => return Some(Opening::Flags { flags, group: end == b':' }),
            _ => return None,
        };
        *flag = on;
        dangling = false;
    }
}
