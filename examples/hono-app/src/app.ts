import { Hono } from "hono";
import { etag } from "hono/etag";
import { HTTPException } from "hono/http-exception";

// An ordinary Hono application: nothing in it knows where it runs.

interface Book {
  isbn: string;
  title: string;
  author: string;
}

const books = new Map<string, Book>(
  [
    { isbn: "9780141439518", title: "Pride and Prejudice", author: "Jane Austen" },
    { isbn: "9780141439600", title: "A Tale of Two Cities", author: "Charles Dickens" },
    { isbn: "9780141439471", title: "Frankenstein", author: "Mary Shelley" },
  ].map((book) => [book.isbn, book]),
);

const app = new Hono();

app.use("/books/*", etag());

app.get("/books", (c) => {
  const author = c.req.query("author")?.toLowerCase() ?? "";
  return c.json([...books.values()].filter((book) => book.author.toLowerCase().includes(author)));
});

app.get("/books/:isbn", (c) => {
  const book = books.get(c.req.param("isbn"));
  if (!book) throw new HTTPException(404, { message: `There is no book ${c.req.param("isbn")}.` });
  return c.json(book);
});

app.post("/books", async (c) => {
  const { isbn, title, author } = await c.req.json<Book>();
  if (books.has(isbn)) throw new HTTPException(409, { message: `The book ${isbn} is here already.` });
  return c.json({ isbn, title, author }, 201);
});

app.onError((error, c) => {
  const status = error instanceof HTTPException ? error.status : 500;
  return c.json({ message: error.message }, status);
});

export default app;
