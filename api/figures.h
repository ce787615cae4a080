// figures.h: figures of a run: their data and a script of gnuplot's, and what gnuplot draws of them.
#pragma once

#include "api/session.h"

// gnuplot.c: texts of figures/NAME.dat and figures/NAME.gp. False when there is no defined point: nothing to draw.
bool gnuplot_write(const Results *results, const ResultFigure *figure, Text *data, Text *script);
// A text of a user's as a string of gnuplot's, in which nothing is code, nor a format when it labels a tic. Texts of
// more than `most` characters lose their end.
void gnuplot_text(Text *out, Str text, size_t most, bool tic);
// "kl over alpha, by layer".
Str figure_caption(const Results *results, const ResultFigure *figure, Arena *arena);

// figures.c: writes and draws all figures into FOLDER/figures. That one cannot be drawn is a warning.
bool session_figures(Mdx *mdx, Str folder, Error *err);
