//! The figures as a picture: one group of bars per figure, each as long as its share of the longest in its group.

use std::fmt::Write;

use super::aims::Row;

const WIDTH: f64 = 720.0;
const LEFT: f64 = 240.0;
const RIGHT: f64 = 110.0;
const BAR: f64 = 12.0;
const GROUP: f64 = 3.0 * BAR + 18.0;
const TOP: f64 = 44.0;
const BARS: [(&str, &str); 3] = [
    ("jumun", "#0b7a75"),
    ("Kafka Streams, tuned", "#b8b8b8"),
    ("Kafka Streams, stock", "#d9d9d9"),
];

/// As SVG 1.1.
pub(super) fn svg(rows: &[Row]) -> String {
    let height = TOP + GROUP * rows.len() as f64 + 8.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (index, (name, colour)) in BARS.iter().enumerate() {
        let x = LEFT + 150.0 * index as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"14\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"23\">{name}</text>",
            x + 15.0
        );
    }
    for (index, row) in rows.iter().enumerate() {
        let y = TOP + GROUP * index as f64;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 10.0,
            y + 1.5 * BAR + 4.0,
            row.name.trim(),
        );
        let values = [row.jumun, row.tuned, row.stock];
        let longest = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        for (bar, (value, (_, colour))) in values.iter().zip(BARS).enumerate() {
            let y = y + BAR * bar as f64;
            let length = (WIDTH - LEFT - RIGHT) * value / longest;
            let times = match bar {
                0 => format!(" ({:.1} times better)", row.times_better),
                _ => String::new(),
            };
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{}\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{}{times}</text>",
                BAR - 1.0,
                LEFT + length + 4.0,
                y + BAR - 2.5,
                rounded(*value),
            );
        }
    }
    svg + "</svg>\n"
}

fn rounded(value: f64) -> String {
    match value {
        large if large >= 100.0 => format!("{large:.0}"),
        small => format!("{small:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::aims::tests::sample;
    use super::*;

    #[test]
    fn every_figure_has_three_bars_of_its_length() {
        let rows = sample();
        let svg = svg(&rows);
        assert_eq!(svg.matches("<rect").count(), 1 + 3 + 3 * rows.len());
        // The longest bar is of the stock peer's 28 s, of which our 4 s are a seventh.
        assert!(svg.contains("width=\"370.0\""), "{svg}");
        assert!(
            svg.contains(&format!("width=\"{:.1}\"", 370.0 / 7.0)),
            "{svg}"
        );
        assert!(svg.contains("4.00 (5.0 times better)"), "{svg}");
    }
}
