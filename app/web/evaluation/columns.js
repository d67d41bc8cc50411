// Finds the columns of a file by the words of its header. The command line has the same table of words, and a test
// compares both (`training/data/files/columns.py`).

// Names are compared without case, blanks, `_`, `-` and `.`. A word of an earlier group is preferred to one of a later
// group; two words of the same group are two candidates.
export const RATING_WORDS = {
  user: [
    ["user", "userid", "customer", "customerid"],
    ["reviewerid", "memberid", "uid", "useruuid", "userkey", "raterid", "readerid", "accountid", "personid"],
    ["username", "reviewer", "member", "rater", "reader", "account", "person", "profilename"],
    ["reviewprofilename", "customername", "reviewername", "author", "authorid"],
  ],
  movie: [
    ["movie", "movieid", "item", "itemid", "film", "filmid"],
    ["bookid", "productid", "animeid", "songid", "trackid", "artistid", "albumid", "jokeid", "gameid", "businessid",
      "restaurantid", "recipeid", "workid", "beerid", "beerbeerid", "showid", "courseid", "articleid", "placeid", "venueid"],
    ["asin", "isbn", "isbn13", "imdbid", "tmdbid", "sku", "ean"],
    ["book", "product", "anime", "song", "track", "artist", "album", "joke", "game", "business", "restaurant", "recipe",
      "work", "beer", "show", "course", "article", "place", "venue", "parentasin"],
    ["title", "movietitle", "booktitle", "itemtitle", "producttitle", "filmtitle"],
  ],
  rating: [
    ["rating", "stars", "score", "value"],
    ["userrating", "starrating", "bookrating", "movierating", "filmrating", "itemrating", "productrating"],
    ["overallrating", "reviewrating", "ratingvalue", "ratingscore", "overall", "reviewoverall", "reviewscore"],
    ["userscore", "myrating", "myscore", "reviewstars", "grade", "points", "preference", "pref"],
  ],
  timestamp: [
    ["timestamp", "time", "unixtime"],
    ["unixreviewtime", "ratingtimestamp", "reviewtimestamp"],
    ["datetime", "reviewtime", "ratingtime", "date", "ratingdate", "reviewdate", "ratedat", "reviewedat"],
    ["createdat", "dateadded", "daterated", "when"],
  ],
};
export const ROLES = ["user", "movie", "rating"];

// Used for a role if no name is one of its words: `movie_title`, `ratingNew`.
const BEGINNINGS = {
  user: ["user", "customer", "reviewer", "member"],
  movie: ["movie", "item", "film", "book", "product"],
  rating: ["rating", "stars", "score"],
  timestamp: [],
};
// `rating_count` begins with `rating`, but is not a rating.
const NOT_A_RATING = /count|number|num|total|date|time|text|id$|by$|average|avg|mean/;
// RecBole writes `user_id:token`.
const TYPE = /:(?:token|float)(?:_seq)?$/;

// The columns of a header: `places` by role, and `rivals`, the places of each role that has several candidates.
export function matchColumns(header) {
  const names = header.map(folded);
  const places = {};
  const rivals = {};
  for (const [role, groups] of Object.entries(RATING_WORDS)) {
    const taken = Object.values(places);
    const found = candidates(names, role, groups).filter((place) => !taken.includes(place));
    if (found.length === 1) [places[role]] = found;
    else if (found.length) rivals[role] = found;
  }
  return { places, rivals };
}

// Whether a name leaves no doubt about what the column holds.
export function isUsual(role, name) {
  return RATING_WORDS[role][0].includes(folded(name));
}

function candidates(names, role, groups) {
  const placesOf = (accepts) => names.map((name, place) => (accepts(name) ? place : -1)).filter((place) => place >= 0);
  for (const group of groups) {
    const found = placesOf((name) => group.includes(name));
    if (found.length) return found;
  }
  return placesOf((name) => BEGINNINGS[role].some((one) => name.startsWith(one)) && !(role === "rating" && NOT_A_RATING.test(name)));
}

function folded(name) {
  return name.trim().replace(TYPE, "").toLowerCase().replaceAll(/[ _.-]/g, "");
}
