//! The report of one run as a page: a single HTML file that loads nothing else.
//!
//! The result, the run and its plan are written here, so that they can be read without the script;
//! the script draws the diagram from data in the page. Template, style and scripts are separate files
//! in this folder:
//!
//! - `page.html`, `page.css`;
//! - `run.js`: the data, the state at any event, the filter; `diagram.js`: lanes, bands, arrows,
//!   rows; `panels.js`: the chosen event and the state; `main.js`: keys and controls.

mod fill;
mod page;
mod state;

#[cfg(test)]
mod tests;

pub use page::HtmlPage;
