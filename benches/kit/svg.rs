//! As much of SVG as three plots need: a plotting crate would bring more code than it saves.

use std::fmt::Write;

pub(crate) const INK: &str = "#1f2430";
pub(crate) const FAINT: &str = "#d4d8e0";
pub(crate) const GOAL: &str = "#c2413b";
/// One colour for each database, apart for the colour-blind as well, and a lighter one of each.
pub(crate) const COLOURS: [(&str, &str); 2] = [("#1f6fb4", "#9cc3e6"), ("#c9731a", "#f0c391")];

/// Where a text is anchored.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture in the making.
pub(crate) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

impl Svg {
    /// A white one, so that it can be read on a dark page, with a title.
    pub(crate) fn new(width: f64, height: f64, title: &str) -> Self {
        let mut svg = Self {
            width,
            height,
            body: format!("<title>{}</title>\n", escape(title)),
        };
        svg.rectangle((0.0, 0.0), (width, height), "#ffffff");
        svg.text_of((16.0, 28.0), Anchor::Start, 16, INK, title);
        svg
    }

    pub(crate) fn rectangle(&mut self, at: (f64, f64), size: (f64, f64), fill: &str) {
        let _ = writeln!(
            self.body,
            r#"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill="{fill}"/>"#,
            at.0, at.1, size.0, size.1
        );
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        self.path(&[from, to], colour, 1.0);
    }

    pub(crate) fn path(&mut self, points: &[(f64, f64)], colour: &str, width: f64) {
        let points: Vec<_> = points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            self.body,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="{width}"/>"#,
            points.join(" ")
        );
    }

    pub(crate) fn dot(&mut self, at: (f64, f64), colour: &str) {
        let _ = writeln!(
            self.body,
            r#"<circle cx="{:.1}" cy="{:.1}" r="4" fill="{colour}"/>"#,
            at.0, at.1
        );
    }

    pub(crate) fn text(&mut self, at: (f64, f64), anchor: Anchor, text: &str) {
        self.text_of(at, anchor, 12, INK, text);
    }

    pub(crate) fn text_of(
        &mut self,
        at: (f64, f64),
        anchor: Anchor,
        size: u32,
        colour: &str,
        text: &str,
    ) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let _ = writeln!(
            self.body,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{}</text>"#,
            at.0,
            at.1,
            escape(text)
        );
    }

    /// Says at the foot where the figures come from.
    pub(crate) fn sign(&mut self, text: &str) {
        self.height += 20.0;
        self.rectangle((0.0, self.height - 20.0), (self.width, 20.0), "#ffffff");
        self.text_of((16.0, self.height - 8.0), Anchor::Start, 10, INK, text);
    }

    /// The file.
    pub(crate) fn finish(self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"system-ui, sans-serif\">\n{}</svg>\n",
            self.width, self.height, self.body
        )
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
