//! Pages as one HTML file, without scripts and without anything from elsewhere: it prints at true size, and tells the findings as tables.

use crate::report::Facts;
use crate::scene::Page;
use crate::svg::{escape, inline};
use std::fmt::Write;

const STYLE: &str = "\
@page { size: A4 landscape; margin: 0 }
@page tables { margin: 12mm 13.5mm }
* { box-sizing: border-box }
body { margin: 0; background: #ddd; color: #000; font: 10pt Helvetica, Arial, 'Liberation Sans', sans-serif }
figure { margin: 4mm auto; width: 297mm; height: 210mm; background: #fff; overflow: hidden; break-after: page; break-inside: avoid }
figure svg { display: block }
main { margin: 4mm auto; width: 297mm; padding: 12mm 13.5mm; background: #fff }
h1 { font-size: 14pt; margin: 0 0 5mm }
table { border-collapse: collapse; margin: 0 0 6mm }
caption { text-align: left; font-weight: bold; padding-bottom: 1mm }
td:first-child { white-space: nowrap }
th, td { text-align: left; vertical-align: top; padding: .4mm 5mm .4mm 0; border-bottom: .1mm solid #999 }
@media print { body { background: #fff } figure { margin: 0 } main { margin: 0; padding: 0; width: auto; page: tables } }
";

/// The pages and tables as one HTML file of this title.
pub fn html(title: &str, pages: &[Page], facts: &[Facts]) -> String {
    let title = escape(title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    for (i, page) in pages.iter().enumerate() {
        let label = format!("page {} of {}", i + 1, pages.len());
        let _ = writeln!(out, "<figure aria-label=\"{label}\">\n{}</figure>", inline(page));
    }
    let _ = writeln!(out, "<main>\n<h1>{title}</h1>");
    for facts in facts {
        let _ = writeln!(out, "<table>\n<caption>{}</caption>", escape(&facts.caption));
        let heads: String =
            facts.columns.iter().map(|c| format!("<th scope=\"col\">{}</th>", escape(c))).collect();
        let _ = writeln!(out, "<thead><tr>{heads}</tr></thead>\n<tbody>");
        for row in &facts.rows {
            let cells: String = row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
            let _ = writeln!(out, "<tr>{cells}</tr>");
        }
        out += "</tbody>\n</table>\n";
    }
    out + "</main>\n</body>\n</html>\n"
}
