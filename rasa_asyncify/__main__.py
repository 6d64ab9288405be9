from rasa_asyncify.cli import main

if __name__ == "__main__":
    main()
