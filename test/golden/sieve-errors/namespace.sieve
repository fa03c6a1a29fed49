set "a" "${planet.earth}";
