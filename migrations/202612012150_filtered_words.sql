-- compatible: yes
-- The operator's lists of words that lines of chat are searched for, one for each language. The operator writes them; the
-- server only reads them, again and again while it runs.

create table filtered_words (
    -- The code of the language, as `ar`. It keeps the lists apart; a line is searched for the words of all.
    language text not null constraint filtered_words_language_form check (language ~ '^[a-z]{2,3}$'),
    -- A word or phrase, which may go on where a `*` is at its beginning or end.
    word text not null constraint filtered_words_word_length check (char_length(word) between 1 and 100),
    act text not null constraint filtered_words_act_known check (act in ('mask', 'refuse')),
    -- Also the order in which the lists are read.
    primary key (language, word)
);

grant select on filtered_words to parlor_app;
