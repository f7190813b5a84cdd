//! Standard output, and files that are written completely or not at all.

pub mod labels;
pub mod progress;

use std::{
    fmt,
    fs::{self, File},
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Serialize;

/// The version of every JSON line and file that other programs read.
pub const FORMAT: u32 = 1;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// For people; not an interface.
    Human,
    /// One JSON object per line, each with `format` and `type`; an interface.
    Json,
}

/// Standard output. A closed pipe (`gatesim ... | head`) is not an error: the rest is discarded, and
/// the exit code is the same.
pub struct Output {
    out: Box<dyn Write>,
    style: Style,
    format: MessageFormat,
    /// False once the pipe is closed.
    open: bool,
}

impl Output {
    /// That of the process.
    pub fn stdout(format: MessageFormat) -> Self {
        Output {
            out: Box::new(BufWriter::new(io::stdout())),
            style: Style::of_stdout(),
            format,
            open: true,
        }
    }

    /// Human or JSON.
    pub fn format(&self) -> MessageFormat {
        self.format
    }

    /// Colours on a terminal, unless they are switched off.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Writes a line for a person.
    pub fn line(&mut self, text: impl AsRef<str>) -> anyhow::Result<()> {
        let written = writeln!(self.out, "{}", text.as_ref());
        self.swallow_broken_pipe(written)
    }

    /// Writes part of a line and flushes it.
    pub fn part(&mut self, text: &str) -> anyhow::Result<()> {
        let written = write!(self.out, "{text}").and_then(|()| self.out.flush());
        self.swallow_broken_pipe(written)
    }

    /// The width of the terminal in columns; none if standard output is not a terminal.
    pub fn columns(&self) -> Option<usize> {
        let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(io::stdout())?;
        Some(columns.into())
    }

    /// Writes several.
    pub fn lines(&mut self, lines: impl IntoIterator<Item = String>) -> anyhow::Result<()> {
        lines.into_iter().try_for_each(|line| self.line(line))
    }

    /// Writes an object for a program.
    pub fn json<T: Serialize>(&mut self, kind: &'static str, body: &T) -> anyhow::Result<()> {
        let text = json_line(kind, body)?;
        self.line(text)
    }

    /// Flushes what was written.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        let flushed = self.out.flush();
        self.swallow_broken_pipe(flushed)
    }

    fn swallow_broken_pipe(&mut self, result: io::Result<()>) -> anyhow::Result<()> {
        match result {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                if self.open {
                    self.open = false;
                    self.out = Box::new(io::sink());
                }
                Ok(())
            }
            Err(error) => Err(error).context("failed to write to standard output"),
        }
    }
}

/// One JSON line: format version, type, body.
pub fn json_line<T: Serialize>(kind: &'static str, body: &T) -> anyhow::Result<String> {
    #[derive(Serialize)]
    struct JsonLine<'a, T> {
        format: u32,
        r#type: &'static str,
        #[serde(flatten)]
        body: &'a T,
    }
    let line = JsonLine {
        format: FORMAT,
        r#type: kind,
        body,
    };
    serde_json::to_string(&line).with_context(|| format!("failed to write a `{kind}` as JSON"))
}

/// Emphasis on a terminal; nothing anywhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Escape sequences.
    Colour,
    /// Bare text.
    Plain,
}

impl Style {
    /// Respects terminals, `NO_COLOR` and `TERM=dumb`.
    fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if io::stdout().is_terminal() && !refused {
            Self::Colour
        } else {
            Self::Plain
        }
    }

    /// A failure.
    pub fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// A success.
    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// A heading.
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Colour => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

/// Writes a line to standard error. Errors are ignored: messages do not change what is done.
pub fn note(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Fails if `path` cannot be written as a file: checked before a long computation, not after it.
pub fn check_writable(path: &Path) -> anyhow::Result<()> {
    if path.is_dir() {
        bail!("failed to write {}: it is a directory", path.display());
    }
    if let Some(parent) = path.parent()
        && !parent.as_os_str().is_empty()
        && !parent.is_dir()
    {
        bail!("the directory {} does not exist", parent.display());
    }
    let tried = match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => File::options().append(true).open(path).map(drop),
        _ => {
            let partial = partial_name(path);
            File::create(&partial)
                .map(drop)
                .and_then(|()| fs::remove_file(&partial))
        }
    };
    tried.with_context(|| format!("failed to write {}", path.display()))
}

/// Writes a file under a temporary name and renames it at the end, so that an interrupted or failed
/// write never leaves a file that looks complete. A device, a pipe or a link must not be replaced by
/// a rename, and is written to directly.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        return write_through(path, write)
            .with_context(|| format!("failed to write {}", path.display()));
    }
    let partial = partial_name(path);
    let result = File::create(&partial)
        .map_err(anyhow::Error::from)
        .and_then(|file| {
            let mut out = BufWriter::new(file);
            write(&mut out)?;
            out.flush()?;
            fs::rename(&partial, path)?;
            Ok(())
        });
    if result.is_err() {
        // Best effort: the first error is the one worth reporting.
        let _ = fs::remove_file(&partial);
    }
    result.with_context(|| format!("failed to write {}", path.display()))
}

fn write_through(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    write(&mut out)?;
    Ok(out.flush()?)
}

fn partial_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    path.with_file_name(name)
}

/// Reads a text file, naming it in the error.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let dir = std::env::temp_dir().join(format!("gatesim-output-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("trace.jsonl");
        let error = write_whole(&path, |out| {
            out.write_all(b"half")?;
            bail!("the disk is full")
        });
        assert!(error.is_err());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);

        write_whole(&path, |out| Ok(out.write_all(b"whole")?)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_written_through_and_never_replaced() {
        let dir = std::env::temp_dir().join(format!("gatesim-link-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (file, link) = (dir.join("file"), dir.join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();

        write_whole(&link, |out| Ok(out.write_all(b"new")?)).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");

        let error = write_whole(&dir, |out| Ok(out.write_all(b"new")?)).unwrap_err();
        assert!(format!("{error:#}").contains("Is a directory"), "{error:#}");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn lines_carry_format_and_type() {
        #[derive(Serialize)]
        struct Body {
            seeds: u64,
        }
        assert_eq!(
            json_line("result", &Body { seeds: 3 }).unwrap(),
            r#"{"format":1,"type":"result","seeds":3}"#
        );
    }
}
